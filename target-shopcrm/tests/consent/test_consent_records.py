"""An event as a consent record that others can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from consent_situations import ADDRESS, day, event
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from msgspec.structs import replace
from tap_pos.testing.specifications import specification
from target_shopcrm.consent.records import METHODS, as_record

if TYPE_CHECKING:
    from target_shopcrm.consent.events import ConsentEvent

OFFERED = {"order_id": "1", "opt_out_offered_at_collection": "true"}


def record_of(one: ConsentEvent) -> dict[str, object]:
    record = as_record(
        one,
        record_id="17",
        subject_key="person-3",
        address_hash="3f2a",
        controller="Corner Shop Ltd",
        jurisdiction="GB",
        recorded_at=day(9),
        prev_hash=None,
        hash="77",
    )
    return json.loads(json.dumps(record))  # type: ignore[no-any-return]


def test_a_soft_opt_in_as_a_record() -> None:
    one = event(
        "given",
        seen=4,
        acted=3,
        source="square:terms#customer=ann",
        basis="soft_opt_in",
        until=700,
        evidence=OFFERED,
    )
    assert record_of(replace(one, notice="2026-01", method="pos_till")) == {
        "schema_version": "1",
        "record_id": "17",
        "subject_key": "person-3",
        "controller_id": "Corner Shop Ltd",
        "channel": "email",
        "address_hash": "3f2a",
        "purpose": "marketing",
        "legal_basis": "soft_opt_in",
        "state": "given",
        "event_type": "implied",
        "event_time": "2026-01-04T00:00:00+00:00",
        "recorded_at": "2026-01-10T00:00:00+00:00",
        "valid_until": "2027-12-02T00:00:00+00:00",
        "notice": {"version": "2026-01"},
        "source": {"system": "square:terms", "method": "pos_till"},
        "evidence": {"order_id": "1", "opt_out_offered_at_collection": True},
        "jurisdiction": "GB",
        "hash": "77",
    }


def test_what_a_source_does_not_say_is_said_to_be_missing() -> None:
    record = record_of(event("withdrawn", seen=4, reason="address_changed"))
    assert record["event_time"] == "2026-01-05T00:00:00+00:00", "when it was seen"
    assert record["notice"] == {"version": "not stated"}
    assert record["legal_basis"] == "none", "nothing may be done any more"
    assert record["source"] == {
        "system": "square:group:Newsletter",
        "method": "import",
        "reference": "address_changed",
    }


events = st.builds(
    lambda one, notice, method: replace(one, notice=notice, method=method),
    st.one_of(
        st.builds(
            lambda state, acted: event(state, seen=5, acted=acted),
            st.sampled_from(["given", "withdrawn", "unknown", "pending"]),
            st.none() | st.integers(0, 5),
        ),
        st.just(event("given", seen=2, acted=1, basis="soft_opt_in", evidence=OFFERED)),
        st.builds(
            lambda basis: event("given", seen=2, acted=1, until=90, basis=basis),
            st.sampled_from(["implied_purchase", "implied_inquiry"]),
        ),
    ),
    st.none() | st.just("2026-01"),
    st.none() | st.sampled_from([*sorted(METHODS), "carrier pigeon"]),
)


@given(events)
def test_no_record_holds_the_address(one: ConsentEvent) -> None:
    assert ADDRESS not in json.dumps(record_of(one))


@given(events)
def test_every_event_makes_a_valid_record(one: ConsentEvent) -> None:
    file = specification("consent/consent-record.schema.json")
    if file is None:
        pytest.skip("the schema of consent records isn't on this machine; set SHOPCRM_SPECS")
    schema = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(record_of(one))
