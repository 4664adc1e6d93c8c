"""Comparing what a target would hold with what happened, in sentences a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_pos.records import STREAMS
from tap_pos.testing.conformance import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_pos.testing.conformance import Facts

Row = dict[str, Any]
Tables = dict[str, dict[str, Row]]
"""Stream, then id, then the last record a target received."""

_WITHOUT_END = frozenset({"locations", "employees", "loyalty_accounts"})
"""Streams whose records can't say that they ended: a target keeps the last one."""


def received(tables: Tables, messages: Iterable[dict[str, Any]]) -> Tables:
    """Add what was sent to what a target already holds."""
    result = {name: dict(tables.get(name, {})) for name in STREAMS}
    for message in messages:
        if message["type"] == "RECORD":
            record = message["record"]
            result[message["stream"]][record["id"]] = record
    return result


def timeless(record: Row) -> Row:
    """Leave out when a record was looked at, which differs between equal readings."""
    if not record.get("consents"):
        return record
    said = [{**consent, "observed_at": None} for consent in record["consents"]]
    return {**record, "consents": said}


def against_truth(tables: Tables, truth: Facts) -> Iterator[str]:
    """Say where the tables differ from what happened at the shop.

    A row that ended before it was ever read may be absent.
    """
    for stream in STREAMS:
        happened, held = truth.get(stream, {}), tables.get(stream, {})
        for identity, facts in happened.items():
            if (record := held.get(identity)) is None:
                if facts.get("deleted_at") != "*":
                    yield f"{stream} {identity} is lost: {facts}"
            elif not matches(facts, record):
                yield f"{stream} {identity} should have {facts} but is {record}"
            elif record.get("deleted_at") and facts.get("deleted_at") != "*":
                yield f"{stream} {identity} is alive, but was sent as deleted: {record}"
        if stream not in _WITHOUT_END:
            for identity in sorted(held.keys() - happened.keys()):
                yield f"{stream} {identity} never was at the shop: {held[identity]}"


def wrongly_ended(tables: Tables, truth: Facts) -> Iterator[str]:
    """Say which rows were sent as deleted although they are not."""
    for stream, held in tables.items():
        for identity, record in held.items():
            facts = truth.get(stream, {}).get(identity, {})
            if record.get("deleted_at") and facts.get("deleted_at") != "*":
                yield f"{stream} {identity} is alive, but was sent as deleted: {record}"


def against_full_run(tables: Tables, fresh: Tables) -> Iterator[str]:
    """Say where the tables differ from what one fresh run over everything gives.

    A fresh run can't see a row that vanished; nor is a row's end told of by it the same way.
    """
    for stream in STREAMS:
        held, full = tables.get(stream, {}), fresh.get(stream, {})
        for identity in sorted(held.keys() | full.keys()):
            record, again = held.get(identity), full.get(identity)
            if record is None:
                yield f"{stream} {identity} is only in a fresh full run: {again}"
            elif again is None:
                if not record.get("deleted_at") and stream not in _WITHOUT_END:
                    yield f"{stream} {identity} is missing from a fresh full run: {record}"
            elif (mine := _compared(record, again)) != (theirs := _compared(again, record)):
                yield f"{stream} {identity} {_difference(mine, theirs)}"


def _compared(record: Row, other: Row) -> Row:
    """Take what has to be equal; of a row that ended that is when, and what it became."""
    if record.get("deleted_at") and other.get("deleted_at"):
        return {name: record.get(name) for name in ("id", "deleted_at", "merged_into")}
    return timeless(record)


def news(tables: Tables, messages: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Say which records of a run tell anything that a target did not hold before."""
    for stream, sent in received({}, messages).items():
        for identity, record in sent.items():
            known = tables.get(stream, {}).get(identity)
            if known is None:
                yield f"{stream} {identity} is new: {record}"
            elif timeless(known) != timeless(record):
                yield f"{stream} {identity} {_difference(timeless(known), timeless(record))}"


def _difference(one: Row, other: Row) -> str:
    fields = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
    told = (f"{name} {one.get(name)!r} / {other.get(name)!r}" for name in sorted(fields))
    return f"differs: {'; '.join(told)}"
