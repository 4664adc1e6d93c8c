"""What a Shopify customer has agreed to.

Shopify records opt-ins, channel by channel, with the time of the last change. Its words and
what they come to:

* SUBSCRIBED is `given`, whatever the opt-in level: the level tells how well it can be proved
  (CONFIRMED_OPT_IN best), not whether; a confirmation still awaited is PENDING instead.
* UNSUBSCRIBED is `withdrawn`: "not subscribed, but was previously".
* REDACTED (the person's data was erased) and INVALID (the address can't be marketed to) are
  `withdrawn`: nothing may be sent, whoever else says otherwise.
* NOT_SUBSCRIBED and NEVER_SUBSCRIBED are the state of somebody who was never asked, no
  refusal: `unknown`, which grants nothing and ends what was given here before. PENDING is
  `unknown` too, and so is any word that a later version may add.
* No address, or no right to see it, is `unknown` for the same reason: consent belongs to an
  address, so a removed address takes its consent along.

`dataSaleOptOut` is an opt-out from having one's data sold or shared for targeting. True is a
withdrawal from profiling on every channel; false asserts nothing, since nobody was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from tap_pos.records import Consent
from tap_pos.settings import Channel
from tap_pos.vendors.consents import stated_consents
from tap_pos.vendors.texts import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_pos.settings import ConsentSource
    from tap_pos.vendors.shopify import wire

State = Literal["given", "withdrawn", "unknown"]

_STATES: dict[str, State] = {
    "SUBSCRIBED": "given",
    "UNSUBSCRIBED": "withdrawn",
    "REDACTED": "withdrawn",
    "INVALID": "withdrawn",
}


def consents_of(
    sources: Sequence[ConsentSource], person: wire.Customer, tags: Sequence[str], observed_at: str
) -> list[Consent]:
    """List every assertion about a customer.

    Args:
        sources: Where the shop records opt-ins of its own.
        person: The customer.
        tags: The customer's tags.
        observed_at: Shopify's clock.

    Raises:
        Unmappable: If a time of consent is no time.
    """
    return [
        *_own_consents(person, observed_at),
        *stated_consents("shopify", sources, tags, {}, observed_at),
    ]


def _own_consents(person: wire.Customer, observed_at: str) -> Iterator[Consent]:
    """Say what Shopify's own fields assert."""
    mail, phone = person.default_email_address, person.default_phone_number
    yield _marketing(
        "email",
        "defaultEmailAddress.marketingState",
        mail.marketing_state if mail else None,
        mail.marketing_updated_at if mail else None,
        observed_at,
    )
    sms = phone.sms_marketing_consent if phone else None
    whatsapp = phone.whats_app_marketing_consent if phone else None
    by_phone: tuple[tuple[Channel, str, wire.MarketingConsent | None], ...] = (
        ("sms", "smsMarketingConsent", sms),
        ("whatsapp", "whatsAppMarketingConsent", whatsapp),
    )
    for channel, field, consent in by_phone:
        yield _marketing(
            channel,
            f"defaultPhoneNumber.{field}",
            consent.state if consent else None,
            consent.updated_at if consent else None,
            observed_at,
        )
    if person.data_sale_opt_out:
        for every in get_args(Channel):
            yield Consent(
                channel=every,
                purpose="profiling",
                state="withdrawn",
                observed_at=observed_at,
                source="shopify:dataSaleOptOut",
            )


def _marketing(
    channel: Channel, field: str, said: str | None, changed_at: str | None, observed_at: str
) -> Consent:
    """Say what one field asserts about marketing through one channel."""
    state: State = _STATES.get(said or "", "unknown")
    return Consent(
        channel=channel,
        purpose="marketing",
        state=state,
        event_time=None if state == "unknown" else instant(changed_at),
        observed_at=observed_at,
        source=f"shopify:{field}",
    )
