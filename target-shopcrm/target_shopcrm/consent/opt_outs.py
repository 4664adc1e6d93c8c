"""What people told a CRM itself becomes the ledger's: it outranks what the shop knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from target_shopcrm.consent.addresses import ADDRESSED_CHANNELS, normalise
from target_shopcrm.consent.appending import events_to_append
from target_shopcrm.consent.events import ConsentEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_shopcrm.consent.batch import EventsFor
    from target_shopcrm.consent.policy import Policy

MARKETING = "marketing"
_ECHO_LASTS = timedelta(minutes=10)
"""How far a CRM's clock and its job queue may be away from ours."""


class SaidToCrm(Protocol):
    """An opt-out as a CRM tells it."""

    @property
    def channel(self) -> str: ...  # noqa: D102 - the fields of destinations.crm.OptOut

    @property
    def address(self) -> str: ...  # noqa: D102 - same

    @property
    def at(self) -> datetime | None: ...  # noqa: D102 - same

    @property
    def cause(self) -> str: ...  # noqa: D102 - same


class Echo(NamedTuple):
    """A withdrawal that we told the CRM ourselves, and will therefore read back from it."""

    channel: str
    address: str
    told_at: datetime


def opt_out_events(  # noqa: PLR0913 - all named where they are given
    found: Iterable[SaidToCrm],
    *,
    crm: str,
    shops: Sequence[str],
    policy: Policy,
    echoes: Iterable[Echo],
    observed_at: datetime,
    known: EventsFor,
) -> list[ConsentEvent]:
    """What the ledger has to append for opt-outs that were read back from a CRM.

    An account of a CRM may serve several shops, and a person who says no there doesn't say to
    which: it counts for all of them. Our own withdrawals come back as opt-outs too; they are
    no word of the person, and would keep an undated opt-in from ever counting again.

    Args:
        found: The opt-outs, repeats included.
        crm: The CRM's name.
        shops: The shops it serves.
        policy: Says how a shop's phone numbers are written.
        echoes: What we told the CRM ourselves.
        observed_at: When it was read, with offset.
        known: Everything the ledger holds of the given keys.

    Returns:
        The news, in the order to append them.
    """
    told = {(echo.channel, echo.address): echo.told_at for echo in echoes}
    asserted: list[ConsentEvent] = []
    for said in found:
        for shop_id in shops:
            if said.channel not in ADDRESSED_CHANNELS:
                continue
            address = normalise(said.channel, said.address, policy.country_of(shop_id))
            if address is None or _is_echo(said, told.get((said.channel, address))):
                continue
            asserted.append(
                ConsentEvent(
                    shop_id=shop_id,
                    channel=said.channel,
                    address=address,
                    purpose=MARKETING,
                    state="withdrawn",
                    event_time=said.at,
                    observed_at=observed_at,
                    source=f"{crm}:{said.cause}",
                )
            )
    return _news(asserted, known)


def _is_echo(said: SaidToCrm, told_at: datetime | None) -> bool:
    return told_at is not None and (said.at is None or abs(said.at - told_at) <= _ECHO_LASTS)


def _news(asserted: Sequence[ConsentEvent], known: EventsFor) -> list[ConsentEvent]:
    by_key: dict[tuple[str, str, str, str], list[ConsentEvent]] = {}
    for event in asserted:
        by_key.setdefault(event.key, []).append(event)
    ledger = known([events[0].key for events in by_key.values()]) if by_key else {}
    news: list[ConsentEvent] = []
    for events in by_key.values():
        news += events_to_append(ledger.get(events[0].key, ()), events)
    return news
