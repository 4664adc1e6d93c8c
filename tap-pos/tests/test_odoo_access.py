"""Odoo as it may be too: other modules, missing rights, wrong passwords, recorded rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes.odoo import SECRET, FakeOdoo
from tap_pos.testing.fakes.odoo_rows import order, pay, person
from tap_pos.testing.fakes.odoo_server import fault
from tap_pos.testing.specifications import specification
from tap_pos.vendors.odoo import ODOO, wire

if TYPE_CHECKING:
    from tap_pos.testing import Request


def synced(odoo: FakeOdoo, stream: str, **settings: Any) -> dict[str, dict[str, Any]]:
    out = sync(odoo.settings() | {"max_retry_seconds": 0.1} | settings)
    assert out.failures == []
    return {identity: record for (_, identity), record in out.table(stream).items()}


# --- an Odoo that is different ------------------------------------------------------------


def test_fields_and_models_that_are_absent_break_nothing(odoo: FakeOdoo) -> None:
    person(odoo)
    order(odoo, {"net": 100})
    for model, names in {
        "res.partner": ("mobile", "phone_sanitized", "partner_share", "ref"),
        "pos.order.line": ("total_cost", "is_reward_line"),
        "pos.payment": ("is_change", "card_type"),
    }.items():
        for name in names:
            del odoo.database.models[model].types[name]
    for model in ("phone.blacklist", "mail.blacklist", "loyalty.card", "loyalty.program"):
        del odoo.database.models[model]
    assert len(synced(odoo, "customers")) == 2
    assert len(synced(odoo, "orders")) == 1


def test_an_odoo_without_a_needed_field_is_told_apart(odoo: FakeOdoo) -> None:
    del odoo.database.models["pos.order"].types["amount_tax"]
    order(odoo, {"net": 100})
    (sentence,) = sync(odoo.settings()).failures
    assert "pos.order has no amount_tax" in sentence


def test_only_named_fields_are_asked_for_and_no_secret_comes_out(odoo: FakeOdoo) -> None:
    person(odoo, signup_token=SECRET)
    pay(odoo, order(odoo, {"net": 100}, access_token=SECRET), 1.0, cardholder_name=SECRET)
    odoo.create("loyalty.program", program_type="loyalty")
    odoo.create("loyalty.card", program_id=1, points=1.0, code=SECRET)
    out = sync(odoo.settings())
    text = json.dumps(out.messages)
    for secret in (SECRET, "api-key", "till@example.com"):
        assert secret not in text
    called = [request.json()["params"]["args"] for request in odoo.requests]
    asked = [args[6]["fields"] for args in called if args[4:5] == ["search_read"]]
    assert asked
    assert all(asked)


# --- when things go wrong -----------------------------------------------------------------


def failures(odoo: FakeOdoo, **settings: Any) -> list[str]:
    found = sync(odoo.settings() | {"max_retry_seconds": 0.1} | settings).failures
    assert not any("api-key" in sentence or "example.com" in sentence for sentence in found)
    return found


def test_a_wrong_password_ends_the_shop(odoo: FakeOdoo) -> None:
    odoo.passwords = {}
    (sentence,) = failures(odoo)
    assert "refuses the user name or password" in sentence


def test_a_key_revoked_in_mid_run_is_said_to_be_wrong(odoo: FakeOdoo) -> None:
    def revoke(request: Request) -> None:
        if b"res.users" in request.body:
            odoo.passwords = {}

    odoo.script = revoke
    (sentence,) = failures(odoo)
    assert "refuses the user name or password" in sentence


def test_a_wrong_database_is_told(odoo: FakeOdoo) -> None:
    (sentence,) = failures(odoo, database="other")
    assert "check the settings database and base_url" in sentence


def test_a_model_that_may_not_be_read_is_named_and_the_rest_goes_on(odoo: FakeOdoo) -> None:
    person(odoo)
    order(odoo, {"net": 100})
    odoo.unreadable = {"mail.blacklist"}
    out = sync(odoo.settings())
    (sentence,) = out.failures
    assert "may not read mail.blacklist" in sentence
    assert len(out.table("orders")) == 1
    assert out.sent("customers") == []


def test_something_that_is_no_odoo_is_told(odoo: FakeOdoo) -> None:
    odoo.script = lambda _request: Answer(404, b"<html>")
    assert "does not speak Odoo's JSON-RPC" in failures(odoo)[0]
    odoo.script = lambda _request: Answer(200, {"error": "no"})
    assert "does not speak Odoo's JSON-RPC" in failures(odoo)[0]


def test_a_row_that_somebody_else_is_writing_is_waited_for(odoo: FakeOdoo) -> None:
    order(odoo, {"net": 100})
    left = ["psycopg2.errors.SerializationFailure", "odoo.http.SessionExpiredException"]
    odoo.script = lambda request: (
        fault(left.pop()) if left and b"search_read" in request.body else None
    )
    assert len(synced(odoo, "orders", max_retry_seconds=5)) == 1


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        pytest.param("pos.order", "amount_total", "ten", id="an amount in words"),
        pytest.param("pos.order", "date_order", "2026-02-30 10:00:00", id="an impossible date"),
        pytest.param("pos.order", "state", "haunted", id="an unknown state"),
        pytest.param("pos.order.line", "qty", "two", id="a line that can't be read"),
    ],
)
def test_an_order_that_breaks_the_rules_is_bad_and_held_back(
    odoo: FakeOdoo, model: str, field: str, value: str
) -> None:
    order(odoo, {"net": 100})
    sound = order(odoo, {"net": 200})
    odoo.write(model, 1, **{field: value})
    out = sync(odoo.settings() | {"max_bad_records": 2})
    assert out.failures == []
    assert [record["id"] for record in out.table("orders").values()] == [str(sound)]
    (sentence,) = sync(odoo.settings()).failures
    assert "could not be read" in sentence
    assert value not in sentence


def test_a_consent_source_that_odoo_can_not_have_is_refused(odoo: FakeOdoo) -> None:
    source = {
        "custom_attribute": "x",
        "given": [True],
        "channels": ["email"],
        "purpose": "marketing",
    }
    with pytest.raises(SettingsError, match="name a tag as its group"):
        sync(odoo.settings() | {"consent_sources": [source]})
    assert ODOO.verify_webhook is None


# --- a real Odoo's own words --------------------------------------------------------------

MODELS: dict[str, list[type[wire.Row]]] = {
    "pos.config": [wire.Config],
    "res.users": [wire.User],
    "loyalty.program": [wire.Program],
    "loyalty.card": [wire.Card],
    "res.partner": [wire.Partner, wire.CompanyAddress],
    "mail.blacklist": [wire.BlockedEmail],
    "phone.blacklist": [wire.BlockedNumber],
    "product.category": [wire.Category],
    "product.product": [wire.Product],
    "pos.order": [wire.Order],
    "pos.order.line": [wire.Line, wire.OfOrder],
    "pos.payment": [wire.Payment, wire.OfPaidOrder],
    "pos.payment.method": [wire.Method],
}
OF_OTHER_MODULES = {("pos.order", "employee_id"), ("pos.config", "discount_product_id")}


def recorded(name: str) -> dict[str, Any]:
    file = specification(f"odoo/{name}")
    if file is None:
        pytest.skip(f"odoo/{name} is not on this machine")
    found: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return found


def test_every_field_that_is_read_is_one_of_odoo_17() -> None:
    known = recorded("odoo17-fields_get.json")
    for model, kinds in MODELS.items():
        for info in (info for kind in kinds for info in msgspec.structs.fields(kind)):
            name = info.encode_name
            assert name in known[model] or (model, name) in OF_OTHER_MODULES, (model, name)


def test_rows_of_a_real_odoo_map_cleanly(odoo: FakeOdoo) -> None:
    """Each has exactly the fields that a real Odoo 17 sent for it."""
    types = recorded("odoo17-fields_get.json")
    for model, rows in recorded("odoo17-demo-sample.json").items():
        odoo.adopt(model, {name: facts["type"] for name, facts in types[model].items()}, rows)
    odoo.advance(days=400)
    out = sync(odoo.settings() | {"max_bad_records": 0})
    assert out.failures == []
    assert len(out.table("orders")) == 4
    assert len(out.table("products")) == 5
    sale = out.table("orders")["tea", "1"]
    assert (sale["net"], sale["total"], sale["closed_at"]) == (481, 481, "2026-11-22T12:45:18Z")
    assert [line["name"] for line in sale["lines"]] == ["Wall Shelf", "Small Shelf"]
    assert sale["updated_at"] == "2026-11-22T12:46:33Z"
