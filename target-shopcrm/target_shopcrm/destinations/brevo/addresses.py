"""What concerns one address: withdrawals, grants, and the opt-outs that Brevo knows of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from target_shopcrm.destinations.brevo.census import people_of
from target_shopcrm.destinations.brevo.held import BLOCK_FLAGS
from target_shopcrm.destinations.crm import OptOuts, Outcome
from target_shopcrm.destinations.items import OptOut, Person

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census
    from target_shopcrm.destinations.brevo.held import Held
    from target_shopcrm.destinations.brevo.jobs import Imports
    from target_shopcrm.destinations.brevo.updates import Blocklist
    from target_shopcrm.destinations.items import Grant, Withdrawal

BLOCKLISTED, LEFT_A_LIST = "blocklisted", "list_unsubscribed"
"""Causes of opt-outs; Brevo has no better words for them."""
_CURSOR_OVERLAP = timedelta(seconds=60)
"""Read again, for changes that became visible late."""
IMPORT_UNDER_WAY = "an import is still under way in Brevo, and could bring the contact back"


def read_opt_outs(api: BrevoApi, census: Census, cursor: str | None) -> OptOuts:
    """Read whoever is blocklisted, or has left one of our lists.

    Brevo doesn't say when or by whom, so what earlier runs blocklisted comes again; the ledger
    knows it already.

    Args:
        api: The account.
        census: Who is in it.
        cursor: A moment in RFC 3339, or None to read everybody.

    Returns:
        The opt-outs among the contacts that changed since.
    """
    changed, as_of = census.changed_since(cursor)
    ours = frozenset(api.lists.values())
    found = [each for contact in changed for each in _opt_outs(contact, ours)]
    return OptOuts(found, (as_of - _CURSOR_OVERLAP).isoformat())


def _opt_outs(contact: Held, ours: frozenset[int]) -> Iterator[OptOut]:
    for channel in BLOCK_FLAGS:
        address = contact.address(channel)
        if address is not None and contact.is_blocked(channel):
            yield OptOut(channel=channel, address=address, at=None, cause=BLOCKLISTED)
    if contact.left & ours and contact.email and not contact.email_blocked:
        yield OptOut(channel="email", address=contact.email, at=None, cause=LEFT_A_LIST)


def withdraw(
    census: Census, imports: Imports, blocklist: Blocklist, withdrawals: Sequence[Withdrawal]
) -> list[Outcome]:
    """Blocklist whichever contact holds an address, whoever created it.

    Where no contact holds it, nobody can be written to, and nobody is created.

    Args:
        census: Who is in the account.
        imports: Its jobs; one that is still queued could undo all this.
        blocklist: Blocklisting with proof.
        withdrawals: The addresses.

    Returns:
        An outcome for each.
    """
    is_quiet = imports.all_ended(wait=False)
    outcomes = _blocked(census, blocklist, withdrawals)
    if is_quiet:
        return outcomes
    if imports.all_ended():
        return _blocked(census, blocklist, withdrawals)
    return [Outcome("uncertain", each.remote_id, reason=IMPORT_UNDER_WAY) for each in outcomes]


def _blocked(
    census: Census, blocklist: Blocklist, withdrawals: Sequence[Withdrawal]
) -> list[Outcome]:
    census.refresh(people_of(_holding(each) for each in withdrawals))
    holders = [census.holder(each.channel, each.address) for each in withdrawals]
    open_ones = {
        (holder.id, each.channel)
        for each, holder in zip(withdrawals, holders, strict=True)
        if holder is not None and not holder.is_blocked(each.channel)
    }
    unproven = blocklist.block(open_ones) if open_ones else set()
    outcomes: list[Outcome] = []
    for each, holder in zip(withdrawals, holders, strict=True):
        remote_id = str(holder.id) if holder else None
        if holder is not None and (holder.id, each.channel) in unproven:
            outcomes.append(Outcome("uncertain", remote_id, reason="the blocklisting didn't hold"))
        else:
            outcomes.append(Outcome("done", remote_id))
    return outcomes


def grant(
    api: BrevoApi, census: Census, blocklist: Blocklist, grants: Sequence[Grant]
) -> list[Outcome]:
    """See that Brevo would write; a no that isn't this run's own stays.

    Args:
        api: The account.
        census: Who is in it.
        blocklist: Blocklisting with proof.
        grants: What was agreed to.

    Returns:
        An outcome for each.
    """
    census.refresh(people_of(each.who for each in grants))
    ours = frozenset(api.lists.values())
    holders = [census.holder(each.channel, each.address) for each in grants]
    pairs = list(zip(grants, holders, strict=True))
    verdicts = [_verdict(each, holder, blocklist, ours) for each, holder in pairs]
    lifting = {
        (holder.id, each.channel)
        for (each, holder), verdict in zip(pairs, verdicts, strict=True)
        if verdict is None and holder is not None
    }
    unproven = blocklist.lift(lifting) if lifting else set()
    return [
        verdict or _lifted(holder, each.channel, unproven)
        for (each, holder), verdict in zip(pairs, verdicts, strict=True)
    ]


def _verdict(
    each: Grant, holder: Held | None, blocklist: Blocklist, ours: frozenset[int]
) -> Outcome | None:
    """What becomes of a grant; None where this run's own blocklisting is to be lifted."""
    field = "email" if each.channel == "email" else "phone"
    if holder is None or holder.ext_id not in {None, each.who.external_id}:
        return Outcome("refused", None, field, "no contact of this person has the address")
    if each.channel == "email" and holder.left & ours:
        return Outcome("opted_out", str(holder.id), field, LEFT_A_LIST)
    if not holder.is_blocked(each.channel):
        return Outcome("done", str(holder.id))
    if blocklist.is_ours(holder.id, each.channel):
        return None
    return Outcome("opted_out", str(holder.id), field, BLOCKLISTED)


def _lifted(holder: Held | None, channel: str, unproven: set[tuple[int, str]]) -> Outcome:
    if holder is None or (holder.id, channel) in unproven:
        return Outcome("uncertain", reason="the blocklisting couldn't be lifted")
    return Outcome("done", str(holder.id))


def _holding(each: Withdrawal) -> Person:
    """Somebody with just the address: an id could lead to a contact that has another by now."""
    addresses = {each.channel: each.address}
    return Person(shop_id=each.who.shop_id, contact_id="", addresses=addresses)
