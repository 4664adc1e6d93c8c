"""What dbt publishes for CRMs, at its worst: each bad record is one dead letter, nothing more."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from told_file import LATER, YES, ToldFile, actions, clock_says, email

if TYPE_CHECKING:
    from conftest import Shop, Singer

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
LISTS = {"*": "everybody", "loyal": "the-loyal", "None": "nobody", "champions": "the-best"}
MISSING = "(missing)"
NUL = "text holds the character NUL, which PostgreSQL can't store"
HALF = "text holds half a character (a lone surrogate or bytes that aren't UTF-8)"
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("contacts", {"visits": "twelve"}, "visits", "Expected `int | null`, got `str`"),
    ("contacts", {"email": 12}, "email", "Expected `str | null`, got `int`"),
    ("contacts", {"given_name": "A\x00da"}, "given_name", NUL),
    ("contacts", {"given_name": "A\ud83d"}, "given_name", HALF),
    ("contacts", {"last_visit_on": "2026-02-30"}, "last_visit_on", "Invalid RFC3339 encoded date"),
    ("orders", {"total": "12.99"}, "total", "Expected `int`, got `str`"),
    ("orders", {"net": 2**63}, "net", "Expected `int` <= 9223372036854775807"),
    ("orders", {"placed_at": MISSING}, "placed_at", "missing"),
    ("orders", {"currency": None}, "currency", "Expected `str`, got `null`"),
    ("orders", {"lines": [{"quantity": "two"}]}, "lines[0].quantity", "not a decimal number"),
    (
        "events",
        {"occurred_at": "2026-11-23T12:00:00"},
        "occurred_at",
        "Expected `datetime` with a timezone component",
    ),
    ("events", {"name": ""}, "name", "Expected `str` of length >= 1"),
    ("events", {"name": "n" * 101}, "name", "Expected `str` of length <= 100"),
    ("events", {"properties": {"a": "\x00"}}, "properties.a", NUL),
    ("events", {"contact_id": MISSING}, "contact_id", "missing"),
    ("cues", {"text": MISSING}, "text", "missing"),
    ("cues", {"text": "t" * 1001}, "text", "Expected `str` of length <= 1000"),
    ("cues", {"due_on": "someday"}, "due_on", "Invalid RFC3339 encoded date"),
]


@pytest.fixture
def file(shop: Shop, singer: Singer) -> ToldFile:
    """A shop of which persons 0 to 2 agreed to e-mail; it sets no caps."""
    file = ToldFile(shop, singer)
    file.policy(frequency_caps={"email": ["900 in 1 day"]})
    file.agree(0, 1, 2)
    return file


def test_what_is_wrong_is_put_aside_with_its_reason_and_the_rest_goes_on(file: ToldFile) -> None:
    say = {"contacts": file.contact, "orders": file.order, "events": file.event, "cues": file.cue}
    records: list[str] = []
    for number, (stream, fields, _, _) in enumerate(WRONG):
        key = f"bad{number}"
        given = (0,) if stream == "contacts" else (0, key)
        record = json.loads(say[stream](*given, **fields))
        if stream == "contacts":
            record["record"]["contact_id"] = key
        record["record"] = {n: v for n, v in record["record"].items() if v != MISSING}
        records.append(json.dumps(record))
    good = [file.contact(0), file.order(0), file.event(0), file.cue(0)]
    lines = file.tell(*good[:1], *records, *good[1:])
    assert actions(lines) == ["upsert k0", "send o0", "send e0", "send q0"]
    assert file.states == [{"told": len(WRONG) + 4}]
    letters = file.shop.ask("SELECT stream, key, field, reason FROM sync.dead_letters ORDER BY id")
    found = [(stream, field, reason) for stream, _, field, reason in letters]
    assert sorted(found) == sorted((f"activation-{s}", field, why) for s, _, field, why in WRONG)
    assert all(key["shop_id"] == "corner" and len(key) == 2 for _, key, _, _ in letters)
    told = str([letter[1:] for letter in letters])
    for value in ("twelve", "12.99", "someday", "2026-02-30", "n" * 101):
        assert value not in told


def test_a_key_that_is_none(file: ToldFile) -> None:
    keys = ("", "k" * 301, None, 7)
    records = [json.loads(file.contact(1)) for _ in keys]
    for key, record in zip(keys, records, strict=True):
        record["record"]["contact_id"] = key
    assert actions(file.tell(*map(json.dumps, records), file.contact(0))) == ["upsert k0"]
    found = file.shop.ask("SELECT field, key ->> 'shop_id' FROM sync.dead_letters")
    assert found == [("contact_id", "corner")] * len(keys)


def test_every_script_and_any_length_arrives_as_it_was_written(file: ToldFile) -> None:
    name = "👩🏽‍🚀 \u202eعمر\u202c 李 " + "é" * 10_000
    contact, order, event, cue = file.tell(
        file.contact(0, given_name=name),
        file.order(0, lines=[{"name": name}]),
        file.event(0, properties={"gift 🎁": name, "n": 1.5, "yes": True, "none": None}),
        file.cue(0, text="قل مرحبا 👋"),
    )
    assert contact["given_name"] == name
    assert order["lines"][0]["name"] == name
    assert event["properties"] == {"gift 🎁": name, "n": 1.5, "yes": True, "none": None}
    assert cue["text"] == "قل مرحبا 👋"
    assert file.tell(file.contact(0, given_name=name)) == []


def test_a_corrected_record_takes_its_dead_letter_away(file: ToldFile) -> None:
    file.tell(file.contact(0), file.order(0, total="a lot"))
    assert actions(file.tell(file.order(0))) == ["send o0"]
    assert file.shop.one("SELECT count(*) FROM sync.dead_letters") == 0


def test_of_several_versions_in_one_batch_only_the_last_is_told(file: ToldFile) -> None:
    lines = file.tell(
        *(file.contact(0, visits=n) for n in range(5)),
        *(file.order(0, net=n) for n in range(3)),
        *(file.event(0, properties={"n": n}) for n in range(2)),
        *(file.cue(0, text=f"Say {n}.") for n in range(2)),
    )
    assert actions(lines) == ["upsert k0", "send o0", "send e0", "send q0"]
    assert (lines[0]["visits"], lines[1]["net"], lines[2]["properties"]) == (4, 2, {"n": 1})
    assert lines[3]["text"] == "Say 1."
    assert file.counted("contacts") == {"read": 5, "written": 1, "unchanged": 4}
    assert file.counted("orders") == {"read": 3, "written": 1, "unchanged": 2}


def test_an_order_may_change_and_an_event_happens_once(file: ToldFile) -> None:
    file.tell(file.contact(0), file.order(0), file.event(0), file.cue(0))
    news = [
        file.order(0, net=-1000),
        file.event(0, properties={"visits": 4}),
        file.cue(0, text="Say goodbye."),
    ]
    (order,) = file.tell(*news)
    assert (order["order_id"], order["net"]) == ("o0", -1000)
    assert file.tell(*news) == []


def on_lists(file: ToldFile, number: int, **fields: Any) -> list[tuple[str, str]]:
    """What a contact's delivery says about lists."""
    lines = file.tell(file.contact(number, **fields), lists=LISTS)
    return [(line["action"], line["list_id"]) for line in lines if line["stream"] == "lists"]


def test_lists_follow_the_segment_and_an_unknown_segment_has_none(file: ToldFile) -> None:
    assert on_lists(file, 0, segment="loyal") == [("join", "everybody"), ("join", "the-loyal")]
    assert on_lists(file, 0, segment="champions") == [("leave", "the-loyal"), ("join", "the-best")]
    assert on_lists(file, 0, segment="never heard of") == [("leave", "the-best")]
    assert on_lists(file, 0, segment="never heard of") == []
    assert on_lists(file, 1) == [("join", "everybody")], "no segment isn't one called None"


def test_without_any_lists_nobody_joins_one(file: ToldFile) -> None:
    assert actions(file.tell(file.contact(0, segment="loyal"))) == ["upsert k0"]


def test_what_is_old_is_history(file: ToldFile, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_says(monkeypatch, NOON)
    hours = {"new": 47, "just": 48, "old": 49}
    at = {key: (NOON - timedelta(hours=n)).isoformat() for key, n in hours.items()}
    lines = file.tell(
        file.contact(0),
        *(file.order(0, f"o-{key}", placed_at=when) for key, when in at.items()),
        *(file.event(0, f"e-{key}", occurred_at=when) for key, when in at.items()),
    )
    history = {line.get("order_id") or line["event_id"]: line["is_history"] for line in lines[1:]}
    assert history == {
        f"{stream}-{key}": key == "old" for stream in ("o", "e") for key in ("new", "just", "old")
    }
    clock_says(monkeypatch, NOON + timedelta(days=30))
    assert file.tell(file.order(0, "o-new", placed_at=at["new"])) == [], "growing old is no news"


def test_the_shop_says_what_is_old(file: ToldFile, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_says(monkeypatch, NOON)
    records = [file.contact(0), file.order(0, placed_at=YES), file.event(0, occurred_at=LATER)]
    lines = file.tell(*records, history_after_hours=24 * 10)
    assert [line["is_history"] for line in lines[1:]] == [True, False]


def test_cues_with_and_without_a_day(file: ToldFile) -> None:
    lines = file.tell(file.contact(0), file.cue(0, "q1"), file.cue(0, "q2", due_on="2026-11-24"))
    assert [line["due_on"] for line in lines[1:]] == [None, "2026-11-24"]


def test_a_shop_the_policy_does_not_know_tells_nothing(file: ToldFile, singer: Singer) -> None:
    stranger = singer.record("activation-contacts", "k0", "elsewhere", email=email(0))
    assert file.tell(stranger) == []
    assert file.held_back() == {"unknown_jurisdiction": 1}
