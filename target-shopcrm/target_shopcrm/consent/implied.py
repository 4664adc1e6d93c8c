"""What purchases imply: the events that a customer's orders add to the ledger.

Where the policy accepts it, somebody who bought something may be written to for a while. Every
purchase begins that while anew. So that the ledger isn't flooded by regulars, a purchase is
only written down when the last one that was is more than 30 days older; until then the
customer may be written to a few days less long than the law would have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - dataclass fields
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from target_shopcrm.consent.addresses import normalise
from target_shopcrm.consent.events import ConsentEvent, Key, LegalBasis, source_in_profile
from target_shopcrm.consent.grounds import MARKETING, OPT_OUT_OFFERED, ORDER, YES
from target_shopcrm.consent.standing import is_ended, last_withdrawal

if TYPE_CHECKING:
    from datetime import date

    from target_shopcrm.consent.policy import Policy, Validity

SOURCE = "shopcrm:purchases"
"""Who says so in the ledger: we do, from the register's orders."""
REPEATED_AFTER = timedelta(days=30)
_LAST_TO_BEGIN_A_DAY = timezone(timedelta(hours=-12))


@dataclass(frozen=True)
class Purchase:
    """A completed sale to a known customer.

    Attributes:
        shop_id: the shop.
        customer_id: the profile at that shop.
        order_id: the order, as proof.
        at: when it was closed, with offset.
        addresses: by channel, as the vendor has them: those the customer had at that time.
        opt_out_offered: whether the register knows that an opt-out was offered with this sale;
            None where it doesn't say, then the policy's own statement counts.
        method: how the address was collected, as in `ConsentEvent.method`.
    """

    shop_id: str
    customer_id: str
    order_id: str
    at: datetime
    addresses: Mapping[str, str | None]
    opt_out_offered: bool | None = None
    method: str = "pos_till"


def keys_of(purchases: Sequence[Purchase], policy: Policy) -> list[Key]:
    """The keys whose events `implied_events` has to know."""
    return list(dict.fromkeys(key for one in purchases for key in _keys(one, policy)))


def implied_events(
    purchases: Sequence[Purchase], policy: Policy, known: Mapping[Key, Sequence[ConsentEvent]]
) -> list[ConsentEvent]:
    """The events that purchases add to the ledger.

    Args:
        purchases: in any order, repeats included.
        policy: says where a purchase counts; where it doesn't, nothing is added.
        known: everything the ledger holds of `keys_of`; keys without events may be missing.

    Returns:
        At most one event per key and profile, oldest first.
    """
    latest: dict[tuple[Key, str], ConsentEvent] = {}
    for purchase in sorted(purchases, key=lambda one: (one.at, one.order_id)):
        for key in _keys(purchase, policy):
            event = _event(purchase, key, policy)
            if event is not None:
                latest[key, purchase.customer_id] = event
    return [event for (key, _), event in latest.items() if _is_due(event, known.get(key, ()))]


def _keys(purchase: Purchase, policy: Policy) -> list[Key]:
    country = policy.country_of(purchase.shop_id)
    found = {
        channel: normalise(channel, raw, country)
        for channel, raw in sorted(purchase.addresses.items())
        if policy.implied_in(purchase.shop_id, channel)
        or policy.soft_opt_in_of(purchase.shop_id, channel)
    }
    return [
        Key(purchase.shop_id, channel, address, MARKETING)
        for channel, address in found.items()
        if address is not None
    ]


def _ground(purchase: Purchase, key: Key, policy: Policy) -> tuple[LegalBasis, Validity] | None:
    """What the purchase is good for on the channel, and how long."""
    implied = policy.implied_in(key.shop_id, key.channel)
    if implied is not None and implied.purchase is not None:
        return "implied_purchase", implied.purchase
    soft = policy.soft_opt_in_of(key.shop_id, key.channel)
    if soft is None:
        return None
    offered = purchase.opt_out_offered
    if offered is None:
        zone = policy.timezone_of(key.shop_id)
        offered = _is_since(purchase.at, soft.opt_out_at_the_till_since, zone)
    return ("soft_opt_in", soft.valid_for) if offered else None


def _is_since(at: datetime, day: date | None, zone: str | None) -> bool:
    """Whether the day had begun at the shop; where the shop is unknown, whether it had anywhere."""
    if day is None:
        return False
    return at >= datetime.combine(day, time.min, ZoneInfo(zone) if zone else _LAST_TO_BEGIN_A_DAY)


def _is_due(event: ConsentEvent, events: Sequence[ConsentEvent]) -> bool:
    if last_withdrawal(events) is not None:
        return False  # a purchase lifts no withdrawal, so it would say nothing
    if is_ended(event, events):
        return False  # the customer had left the address, or the profile ended, since
    return all(
        event.observed_at > other.observed_at + REPEATED_AFTER
        for other in events
        if other.source == event.source and other.state == "given" and not is_ended(other, events)
    )


def _event(purchase: Purchase, key: Key, policy: Policy) -> ConsentEvent | None:
    ground = _ground(purchase, key, policy)
    if ground is None:
        return None
    basis, valid_for = ground
    evidence = {ORDER: purchase.order_id}
    if basis == "soft_opt_in":
        evidence[OPT_OUT_OFFERED] = YES
    return ConsentEvent(
        **key._asdict(),
        state="given",
        event_time=purchase.at,
        observed_at=purchase.at,
        source=source_in_profile(SOURCE, purchase.customer_id),
        legal_basis=basis,
        valid_until=valid_for.end(purchase.at),
        method=purchase.method,
        evidence=evidence,
    )
