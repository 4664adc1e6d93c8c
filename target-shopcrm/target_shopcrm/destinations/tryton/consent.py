"""Grants, withdrawals and lists, in terms of subscriptions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, OptOuts, Outcome
from target_shopcrm.destinations.items import OptOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Grant, Membership, Withdrawal
    from target_shopcrm.destinations.tryton.subscriptions import (
        Place,
        Subscription,
        Subscriptions,
    )

_LATE = timedelta(minutes=5)
"""A change bears the time at which its transaction began; it may be seen that much later."""

_SAID_NO = Outcome("opted_out", field="email", reason="unsubscribed in Tryton")
_NO_LIST = Outcome("skipped", reason="the setting lists names no list for everybody ('*')")
_NO_ADDRESS = Outcome("skipped", reason="Tryton's lists hold e-mail addresses only")
_NOT_SUBSCRIBED = Outcome("refused", field="email", reason="isn't on the list of everybody")
_REFUSED = Outcome("refused", field="email", reason="Tryton refuses the address")
_STILL_OPEN = Outcome("uncertain", field="email", reason="is still subscribed")


def read_opt_outs(subscriptions: Subscriptions, cursor: str | None) -> OptOuts:
    """Read who ended a subscription, on whichever list.

    Args:
        subscriptions: Tryton's.
        cursor: ISO 8601; when the latest one read so far was ended.

    Returns:
        The opt-outs; the latest ones come again.
    """
    since = datetime.fromisoformat(cursor) - _LATE if cursor else None
    said = [
        OptOut(channel="email", address=each.email, at=each.ended_at, cause="unsubscribed")
        for each in subscriptions.ended_since(since)
    ]
    latest = max((each.at.isoformat() for each in said if each.at), default=cursor)
    return OptOuts(said, max(latest or "", cursor or "") or None)


def withdraw(subscriptions: Subscriptions, batch: Sequence[Withdrawal]) -> list[Outcome]:
    """End all subscriptions of addresses. What has none isn't mailed, and stays as it is."""
    left = subscriptions.close(each.address for each in batch if each.channel == "email")
    return [_STILL_OPEN if each.address in left else DONE for each in batch]


def grant(
    subscriptions: Subscriptions, everybody: int | None, batch: Sequence[Grant]
) -> list[Outcome]:
    """Put addresses on the list of everybody, unless the person ended a subscription later.

    Args:
        subscriptions: Tryton's.
        everybody: The list, if there is one.
        batch: As many as fit into a call.

    Returns:
        What became of each.

    Raises:
        UncertainError: If nobody knows; to be called again.
    """
    if everybody is None:
        return [_NO_LIST] * len(batch)
    held = subscriptions.of(each.address for each in batch)
    said_no = {
        each.address
        for each in batch
        if any(s.ended_at and s.ended_at > each.given_at for s in held.get(each.address, ()))
    }
    wanted = {(each.address, everybody) for each in batch if each.address not in said_no}
    refused = _open(subscriptions, held, wanted)
    return [
        _SAID_NO
        if each.address in said_no
        else _REFUSED
        if (each.address, everybody) in refused
        else DONE
        for each in batch
    ]


def set_memberships(
    subscriptions: Subscriptions, everybody: int | None, batch: Sequence[Membership]
) -> list[Outcome]:
    """Put addresses on lists and take them off.

    Being on a list means being mailed: nobody is put on one who isn't on that of everybody, or
    who ended this subscription.

    Args:
        subscriptions: Tryton's.
        everybody: The list that grants are kept on, if there is one.
        batch: As many as fit into a call.

    Returns:
        What became of each.

    Raises:
        UncertainError: If nobody knows; to be called again.
    """
    held = subscriptions.of(each.who.email for each in batch if each.who.email)
    outcomes: list[Outcome] = []
    joining: set[Place] = set()
    leaving: list[int] = []
    for each in batch:
        address, list_id = each.who.email or "", int(each.list_id)
        there = held.get(address, [])
        outcomes.append(_obstacle(each, there, everybody))
        if outcomes[-1] is not DONE:
            continue
        if each.is_member:
            joining.add((address, list_id))
        else:
            leaving += [s.id for s in there if s.list_id == list_id and s.is_active]
    subscriptions.switch(leaving, is_active=False)
    refused = _open(subscriptions, held, joining)
    return [
        _REFUSED
        if each.is_member and (each.who.email or "", int(each.list_id)) in refused
        else outcome
        for each, outcome in zip(batch, outcomes, strict=True)
    ]


def _obstacle(each: Membership, held: Sequence[Subscription], everybody: int | None) -> Outcome:
    """What stands against a membership; DONE if nothing does."""
    if not each.who.email:
        return _NO_ADDRESS
    if not each.is_member:
        return DONE
    if any(s.list_id == int(each.list_id) and s.ended_at for s in held):
        return _SAID_NO
    on_everybody = any(s.list_id == everybody and s.is_active for s in held)
    return DONE if everybody is None or on_everybody else _NOT_SUBSCRIBED


def _open(
    subscriptions: Subscriptions, held: dict[str, list[Subscription]], wanted: set[Place]
) -> set[Place]:
    """Make subscriptions active; returns those that Tryton refuses."""
    there = {(address, s.list_id): s for address, found in held.items() for s in found}
    sleeping = [there[each].id for each in wanted if each in there and not there[each].is_active]
    subscriptions.switch(sleeping, is_active=True)
    new = sorted(each for each in wanted if each not in there)
    return {new[each] for each in subscriptions.create(new)}
