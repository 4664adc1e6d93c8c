"""The loyalty program: accounts of the people who accepted the club's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from practice_register.rows import LoyaltyRow
from practice_register.shop.premises import CLUB_TERMS
from practice_register.timeline import MINUTE, Timeline, rfc3339_seconds

if TYPE_CHECKING:
    from practice_register.archive import BlobWriter
    from practice_register.identifiers import Identifiers
    from practice_register.shop.biographies import Life
    from practice_register.shop.premises import Premises

_CENTS_A_POINT = 100


def write_accounts(  # noqa: PLR0913, PLR0917 - what an account is made from, each from elsewhere
    lives: dict[int, list[Life]],
    spent: list[tuple[int, str, int]],
    premises: Premises,
    ids: Identifiers,
    calendar: Timeline,
    blob: BlobWriter,
) -> list[LoyaltyRow]:
    """Write the accounts' states: they start with the club's terms and change with each sale.

    Args:
        lives: all profiles; an account needs a telephone number and accepted terms.
        spent: when which profile spent how many cents (negative for returns).
        premises: the shop, for its program.
        ids: makes the accounts' ids.
        calendar: what can be seen.
        blob: where the JSON goes.
    """
    by_profile: dict[str, list[tuple[int, int]]] = {}
    for at, profile, cents in spent:
        by_profile.setdefault(profile, []).append((at, cents // _CENTS_A_POINT))
    rows: list[LoyaltyRow] = []
    for household in lives.values():
        enrolled = _enrolled(household)
        if enrolled is None:
            continue
        at, digits = enrolled
        document: dict[str, Any] = {
            "id": ids.make("loyalty account", digits, 32).lower(),
            "program_id": premises.program,
            "balance": 0,
            "lifetime_points": 0,
            "customer_id": household[0].states[0].id,
            "enrolled_at": rfc3339_seconds(at),
            "created_at": rfc3339_seconds(at),
            "updated_at": rfc3339_seconds(at),
            "mapping": {
                "id": ids.make("loyalty mapping", digits, 32).lower(),
                "created_at": rfc3339_seconds(at),
                "phone_number": f"+1{digits}",
            },
        }
        rows += _states(document, _turns(household, by_profile, at), at, calendar, blob)
    return rows


def _enrolled(household: list[Life]) -> tuple[int, str] | None:
    """When the first profile accepted the terms, and with which telephone number."""
    for state in household[0].states:
        terms = state.attribute(CLUB_TERMS)
        if terms is not None and terms.value is True and state.digits:
            return state.updated, state.digits
    return None


def _turns(
    household: list[Life], by_profile: dict[str, list[tuple[int, int]]], at: int
) -> list[tuple[int, int, str]]:
    """What changes the account: points, and a merge, after which it belongs to the new profile."""
    first = household[0]
    turns = [(when, points, "") for when, points in by_profile.get(first.states[0].id, ())]
    if first.merged_into and first.ended is not None:
        turns.append((first.ended + MINUTE, 0, first.merged_into))
        turns += [(when, points, "") for when, points in by_profile.get(first.merged_into, ())]
    return sorted(turn for turn in turns if turn[0] > at)


def _states(
    document: dict[str, Any],
    turns: list[tuple[int, int, str]],
    enrolled: int,
    calendar: Timeline,
    blob: BlobWriter,
) -> list[LoyaltyRow]:
    moments = [enrolled, *(turn[0] for turn in turns)]
    past = [at for at in moments if at <= calendar.opens]
    first_seen = past[-1] if past else enrolled
    rows: list[LoyaltyRow] = []
    for at, points, owner in [(enrolled, 0, ""), *turns]:
        # A balance can fall below zero, when what earned the points is brought back.
        document["balance"] += points
        document["lifetime_points"] += max(0, points)
        document["customer_id"] = owner or document["customer_id"]
        document["updated_at"] = rfc3339_seconds(at)
        if first_seen <= at <= calendar.ends:
            offset, length = blob.add(msgspec.json.encode(document))
            rows.append(
                LoyaltyRow(
                    id=document["id"],
                    since=at,
                    offset=offset,
                    length=length,
                    created=enrolled,
                    updated=at,
                    gone=False,
                    customer=document["customer_id"],
                    phone=document["mapping"]["phone_number"],
                )
            )
    return rows
