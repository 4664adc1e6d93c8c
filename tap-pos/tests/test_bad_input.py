"""Settings that can't work, and data that breaks the vendor's own rules: each said clearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.tap import TapPOS
from tap_pos.testing import ScriptedSquare, sync
from tap_pos.testing.fakes.square_rows import customer, line, location, money, order, payment

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = {"id": "tea", "vendor": "square", "access_token": "secret-token"}


@pytest.fixture
def neighbour() -> Iterator[ScriptedSquare]:
    """Another shop, with nothing wrong in it."""
    shop = ScriptedSquare()
    shop.locations = [location("N1")]
    shop.orders = [order("N", "2026-02-10T15:00:00Z", location_id="N1")]
    shop.payments = [payment("N", "2026-02-10T15:00:00Z", location_id="N1")]
    with shop.running():
        yield shop


def refusal_of(config: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        TapPOS(config=config)
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("shops", "words"),
    [
        pytest.param([GOOD | {"vendor": "sqare"}], ["'sqare'", "square"], id="unknown vendor"),
        pytest.param([GOOD, GOOD], ["'tea'", "listed twice"], id="a shop listed twice"),
        pytest.param([{"id": "tea", "vendor": "square"}], ["access_token"], id="no token"),
        pytest.param([{"vendor": "square", "access_token": "secret"}], ["id"], id="no id"),
        pytest.param([GOOD | {"base_url": "http://connect.example"}], ["https"], id="no TLS"),
        pytest.param([GOOD | {"timezone": "Mars/Base"}], ["timezone"], id="no such zone"),
        pytest.param([GOOD | {"start_date": "2026-02-31"}], ["start_date"], id="no such day"),
        pytest.param([GOOD | {"consumer_key": "x"}], ["consumer_key"], id="another vendor's"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_any_request(
    shops: list[dict[str, Any]], words: list[str]
) -> None:
    sentence = refusal_of({"shops": shops})
    assert all(word in sentence for word in words), sentence
    assert sentence.endswith(".")


def test_an_expired_token_ends_its_shop_and_no_other(
    square: ScriptedSquare, neighbour: ScriptedSquare
) -> None:
    square.tokens = {"renewed"}
    out = sync(
        {
            "shops": [
                GOOD | {"base_url": square.url, "access_token": "expired"},
                GOOD | {"id": "next", "base_url": neighbour.url, "access_token": "token"},
            ]
        }
    )
    (sentence,) = out.failures
    assert "'tea'" in sentence
    assert "create a new one" in sentence
    assert {key[0] for key in out.table("orders")} == {"next"}


BAD_ORDERS = {
    "an amount that is a text": {"total_money": {"amount": "12.50", "currency": "USD"}},
    "an amount with a fraction": {"total_money": {"amount": 12.5, "currency": "USD"}},
    "a day that does not exist": {"created_at": "2026-02-31T10:00:00Z"},
    "a closing time that is none": {"closed_at": "yesterday"},
    "an unknown state": {"state": "TELEPORTED"},
    "a quantity that is none": {"line_items": [line(quantity="many")]},
    "an endless quantity": {"line_items": [line(quantity="Infinity")]},
    "lines that are no list": {"line_items": {"uid": "x"}},
}


@pytest.mark.parametrize("broken", BAD_ORDERS.values(), ids=BAD_ORDERS.keys())
def test_a_bad_order_is_told_and_all_others_are_sent(
    square: ScriptedSquare,
    config: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    broken: dict[str, Any],
) -> None:
    square.page_size = 2
    square.orders = [order(f"O{n}", f"2026-02-10T15:00:0{n}Z") for n in range(6)]
    square.payments = [payment(f"O{n}", f"2026-02-10T15:00:0{n}Z") for n in range(6)]
    square.orders[1] |= broken
    out = sync(config)
    (sentence,) = out.failures
    assert "'tea': 1 record(s) of orders" in sentence
    # The rest of the page, and the pages after it, are read all the same.
    assert {key[1] for key in out.table("orders")} == {"O0", "O2", "O3", "O4", "O5"}
    assert "record O1 of orders can't be read" in caplog.text


def test_a_bad_record_keeps_the_bookmark_until_it_is_mended(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.orders[0]["created_at"] = "2026-02-31T10:00:00Z"
    first = sync(config)
    assert first.failures
    square.advance(days=3)
    square.orders[0]["created_at"] = "2026-02-10T15:00:00Z"
    second = sync(config, first.state)
    assert second.failures == []
    assert ("tea", "O1") in second.table("orders")


def test_a_bad_record_that_is_allowed_does_not_hold_up_the_bookmark(
    square: ScriptedSquare, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    square.orders[0]["created_at"] = "2026-02-31T10:00:00Z"
    square.orders.append(order("O2", "2026-02-11T15:00:00Z"))
    square.payments.append(payment("O2", "2026-02-11T15:00:00Z"))
    first = sync(config | {"max_bad_records": 1})
    assert first.failures == []
    assert "record O1 of orders" in caplog.text
    square.advance(days=3)
    square.requests.clear()
    assert sync(config | {"max_bad_records": 1}, first.state).table("orders") == {}
    (again,) = square.asked("/v2/orders/search")
    span = again.asked["query"]["filter"]["date_time_filter"]["updated_at"]
    assert span["start_at"] == "2026-03-01T11:59:00Z"


def test_one_bad_record_more_than_allowed_fails_the_shop(
    square: ScriptedSquare, neighbour: ScriptedSquare
) -> None:
    square.orders = [order(f"O{n}", "2026-02-10T15:00:00Z", state="?") for n in range(3)]
    square.payments = []
    shops = [
        GOOD | {"base_url": square.url, "access_token": "token"},
        GOOD | {"id": "next", "base_url": neighbour.url, "access_token": "token"},
    ]
    out = sync({"shops": shops, "max_bad_records": 2})
    (sentence,) = out.failures
    assert "3 record(s) of orders" in sentence
    assert "max_bad_records to 3" in sentence
    # Its other streams are read, and so is the other shop.
    assert ("tea", "C1") in out.table("customers")
    assert ("next", "N") in out.table("orders")


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 500), ("KWD", 1250), ("USD", 1299)])
def test_amounts_keep_the_minor_units_of_their_currency(
    square: ScriptedSquare, config: dict[str, Any], currency: str, amount: int
) -> None:
    paid = money(amount, currency)
    square.orders = [
        order("O", "2026-02-10T15:00:00Z", line_items=[line("a", gross_sales_money=paid)],
              net_amounts={"total_money": paid}, total_money=paid)
    ]  # fmt: skip
    square.payments = [payment("O", "2026-02-10T15:00:00Z", total_money=paid, amount_money=paid)]
    record = sync(config).table("orders")["tea", "O"]
    assert (record["currency"], record["total"], record["net"]) == (currency, amount, amount)
    assert record["payments"][0]["amount"] == amount


NAMES = (
    "Zoë 🫖👩‍👩‍👧",
    "נועה",
    "نور الدين",
    "李 小龍",
    "O'Brien; DROP TABLE--",
    "\u202egnirts",
    "\U0001d518\U0001d52b\U0001d526",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_script_arrive_as_they_were_written(
    square: ScriptedSquare, config: dict[str, Any], name: str
) -> None:
    square.customers = [customer("C", "2026-02-10T15:00:00Z", given_name=name)]
    square.orders[0]["line_items"] = [line("a", name=name)]
    out = sync(config)
    assert out.table("customers")["tea", "C"]["given_name"] == name
    assert out.table("orders")["tea", "O1"]["lines"][0]["name"] == name


def test_an_order_of_ten_megabytes_arrives_whole(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    wordy: dict[str, Any] = {"name": "x" * 250, "note": "y" * 250}
    lines = [line(f"l{n}", 100, **wordy) for n in range(10_000)]
    square.orders = [
        order("HUGE", "2026-02-10T15:00:00Z", line_items=lines,
              net_amounts={"total_money": money(1_000_000)})
    ]  # fmt: skip
    square.payments = []
    square.orders[0]["tenders"] = []
    record = sync(config).table("orders")["tea", "HUGE"]
    assert len(record["lines"]) == 10_000
    assert record["net"] == record["total"] == 1_000_000
