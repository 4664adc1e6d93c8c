"""Square's customers: late visibility, opt-ins kept elsewhere, profiles that vanish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, ScriptedSquare, refusal, sync
from tap_pos.testing.fakes.square_rows import customer

if TYPE_CHECKING:
    from tap_pos.testing import Request

CONSENT_SOURCES = [
    {"group": "Newsletter", "channels": ["email"], "purpose": "marketing"},
    {
        "custom_attribute": "sms-marketing",
        "channels": ["sms"],
        "purpose": "marketing",
        "given": ["yes"],
        "withdrawn": ["no"],
    },
    {
        "custom_attribute": "club-terms",
        "channels": ["email", "sms"],
        "purpose": "profiling",
        "given": ["true"],
        "withdrawn": ["false"],
    },
]


@pytest.fixture
def asking(square: ScriptedSquare, config: dict[str, Any]) -> dict[str, Any]:
    """Settings of a shop that keeps opt-ins in a group and in custom attributes."""
    square.groups = [{"id": "G1", "name": "Newsletter"}, {"id": "G2", "name": " Friends "}]
    return config | {"consent_sources": CONSENT_SOURCES}


def profile(config: dict[str, Any], identity: str = "C1") -> dict[str, Any]:
    out = sync(config)
    assert out.failures == []
    return out.table("customers")["tea", identity]


def said(record: dict[str, Any]) -> set[tuple[str, str, str, str | None]]:
    return {(c["channel"], c["purpose"], c["state"], c["event_time"]) for c in record["consents"]}


def test_a_profile_is_trimmed_and_empty_texts_are_null(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.customers[0] |= {
        "given_name": "  Ada ",
        "family_name": " ",
        "email_address": " Ada@Example.com\n",
        "birthday": "0000-12-31",
        "address": {"address_line_1": " 1 Main St ", "country": "US", "postal_code": ""},
    }
    record = profile(config)
    assert (record["given_name"], record["family_name"]) == ("Ada", None)
    assert record["email"] == "Ada@Example.com"
    assert record["birthday"] == "--12-31"
    assert record["address"] == {
        "line1": "1 Main St",
        "line2": None,
        "city": None,
        "region": None,
        "postal_code": None,
        "country": "US",
    }


def test_an_empty_address_is_none(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.customers[0] |= {"address": {"locality": " "}, "birthday": "in May"}
    record = profile(config)
    assert (record["address"], record["birthday"]) == (None, None)


def test_customers_are_not_sorted_by_a_field_square_does_not_know(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    sync(config)
    sorts = [request.asked["query"]["sort"] for request in square.asked("/v2/customers/search")]
    assert sorts
    assert all(sort == {"field": "CREATED_AT", "order": "ASC"} for sort in sorts)


@pytest.mark.parametrize(
    ("unsubscribed", "states"), [(True, ["withdrawn"]), (False, []), (None, [])]
)
def test_an_opt_out_flag_that_is_not_set_asserts_nothing(
    square: ScriptedSquare,
    config: dict[str, Any],
    unsubscribed: bool | None,  # noqa: FBT001 - parametrized
    states: list[str],
) -> None:
    square.customers[0]["preferences"] = {"email_unsubscribed": unsubscribed}
    assert [consent["state"] for consent in profile(config)["consents"]] == states


def test_opt_ins_are_read_where_the_shop_keeps_them(
    square: ScriptedSquare, asking: dict[str, Any]
) -> None:
    square.customers[0]["group_ids"] = ["G2", "G1", "gone"]
    square.attributes["C1"] = [
        {"key": "sms-marketing", "value": " YES", "updated_at": "2026-02-05T00:00:00.000Z"},
        {"key": "club-terms", "value": False, "updated_at": "2026-02-06T00:00:00Z"},
    ]
    record = profile(asking)
    assert record["groups"] == ["Friends", "Newsletter"]
    assert said(record) == {
        ("email", "marketing", "given", None),
        ("sms", "marketing", "given", "2026-02-05T00:00:00Z"),
        ("email", "profiling", "withdrawn", "2026-02-06T00:00:00Z"),
        ("sms", "profiling", "withdrawn", "2026-02-06T00:00:00Z"),
    }
    assert {c["observed_at"] for c in record["consents"]} == {"2026-03-01T12:00:00Z"}
    assert record["consents"][0]["source"] == "square:group:Newsletter"
    assert record["consents"][1]["source"] == "square:custom_attribute:sms-marketing"


def test_silence_where_opt_ins_are_kept_is_unknown_not_given(
    square: ScriptedSquare, asking: dict[str, Any]
) -> None:
    square.attributes["C1"] = [
        {"key": "sms-marketing", "value": "maybe", "updated_at": "2026-02-05T00:00:00Z"}
    ]
    assert said(profile(asking)) == {
        ("email", "marketing", "unknown", None),
        ("sms", "marketing", "unknown", None),
        ("email", "profiling", "unknown", None),
        ("sms", "profiling", "unknown", None),
    }


def test_custom_attributes_are_asked_for_only_where_they_are_mapped(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    sync(config)
    assert square.asked("/v2/customers/C1/custom-attributes") == []


def test_a_withdrawal_in_an_attribute_is_seen_although_the_profile_did_not_change(
    square: ScriptedSquare, asking: dict[str, Any]
) -> None:
    said_yes = {"key": "sms-marketing", "value": "yes", "updated_at": "2026-02-05T00:00:00Z"}
    square.attributes["C1"] = [said_yes]
    first = sync(asking)
    square.now = square.now.replace(day=3)
    square.attributes["C1"] = [
        {"key": "sms-marketing", "value": "no", "updated_at": "2026-03-02T00:00:00Z"}
    ]
    second = sync(asking, first.state)
    withdrawn = ("sms", "marketing", "withdrawn", "2026-03-02T00:00:00Z")
    assert withdrawn in said(second.table("customers")["tea", "C1"])


def test_a_profile_that_the_index_shows_late_is_still_read(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    late = customer("LATE", "2026-03-01T11:58:10Z")
    square.now = square.now.replace(minute=1)
    square.customers.append(late)
    second = sync(config, first.state)
    assert ("tea", "LATE") in second.table("customers")


def test_a_merge_leaves_tombstones_that_point_to_the_survivor(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.customers = [customer("NEW", "2026-02-20T10:00:00Z")]
    merge = {"from_customer_ids": ["C1", "C2"], "to_customer_id": "NEW"}
    square.events = [
        {
            "type": "customer.deleted",
            "created_at": "2026-02-20T10:00:00.500Z",
            "data": {"id": gone, "object": {"event_context": {"merge": merge}}},
        }
        for gone in ("C1", "C2")
    ]
    table = sync(config).table("customers")
    assert {key[1]: row["merged_into"] for key, row in table.items()} == {
        "NEW": None,
        "C1": "NEW",
        "C2": "NEW",
    }
    gone = table["tea", "C1"]
    assert gone["deleted_at"] == "2026-02-20T10:00:00.500Z"
    told = {"shop_id", "id", "merged_into", "deleted_at"}
    assert not any(value for field, value in gone.items() if field not in told)


def test_a_deleted_profile_that_came_back_is_alive(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.customers[0]["updated_at"] = "2026-02-21T10:00:00Z"
    square.events = [{"created_at": "2026-02-20T10:00:00Z", "data": {"id": "C1"}}]
    assert profile(config)["deleted_at"] is None


def test_events_are_asked_for_within_the_28_days_that_square_keeps(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    sync(config | {"window_days": 5})
    starts = [
        request.asked["query"]["filter"]["created_at"]["start_at"]
        for request in square.asked("/v2/events")
    ]
    assert starts
    assert min(starts) == "2026-02-01T12:00:00Z"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_events_api_that_is_off_is_told_once_and_skipped(
    square: ScriptedSquare,
    config: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    def off(request: Request) -> Answer | None:
        return refusal(status, "NOT_ENABLED") if request.path == "/v2/events" else None

    square.script = off
    with caplog.at_level("INFO"):
        out = sync(config | {"window_days": 2})
    assert out.failures == []
    assert sum("Events API" in entry.getMessage() for entry in caplog.records) == 1
    assert len(square.asked("/v2/events")) == 1
