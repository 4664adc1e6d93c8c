"""A whole shop: the practice register, over real baskets, with and without faults."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR
from tap_pos.tap import TapPOS
from tap_pos.testing import Synced, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from practice_register.testing import RunningRegister

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
# The same days whenever the tests run.
_A_DAY = date(2026, 11, 20)
TABLES = ("locations", "employees", "products", "customers", "orders", "loyalty_accounts")
_CONFIG: dict[str, Any] = {
    "vendor": "square",
    "shop_id": "practice",
    "access_token": "filled in when the register runs",
    "consent_sources": CONSENT_SOURCES,
    "max_retry_seconds": 30,
    "request_timeout_seconds": 5,
}


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegister]:
    """One register for all these tests; each may let days pass."""
    testing = pytest.importorskip("practice_register.testing", reason="practice register is absent")
    folder = tmp_path_factory.mktemp("register")
    with testing.running_register(folder, households=20, today=_A_DAY) as running:
        _CONFIG.update(base_url=running.url, access_token=running.token)
        yield running


def tables(out: Synced) -> dict[str, Any]:
    """What a target holds in the end, without when it was looked at."""
    found = {name: out.table(name) for name in TABLES}
    for person in found["customers"].values():
        person["consents"] = [c | {"observed_at": None} for c in person["consents"]]
    return found


@pytest.fixture(scope="module", autouse=True)
def first(register: RunningRegister) -> Synced:
    """A first sync of everything."""
    assert register.url
    out = sync(_CONFIG)
    assert out.failures == []
    return out


def test_the_sums_equal_the_registers_own_books(register: RunningRegister) -> None:
    books = register.books()["total"]
    orders = list(sync(_CONFIG).table("orders").values())
    lines = [line for order in orders for line in order["lines"]]
    sold = [line for line in lines if line["kind"] == "sale"]
    back = [line for line in lines if line["kind"] == "return"]
    assert len(orders) == books["orders"]["count"]
    assert sum(order["total"] for order in orders) == books["orders"]["net_total_money"]
    assert sum(order["tip"] for order in orders) == books["orders"]["tip_money"]
    assert sum(line["discount"] for line in sold) == books["orders"]["discount_money"]
    assert sum(line["tax"] for line in sold) == books["orders"]["tax_money"]
    assert len(sold) == books["lines"]["count"]
    assert sum(line["net"] + line["tax"] for line in sold) == books["lines"]["total_money"]
    assert len(back) == books["return_lines"]["count"]
    assert -sum(line["net"] + line["tax"] for line in back) == books["return_lines"]["total_money"]
    states = Counter(order["state"].upper().replace("CANCELLED", "CANCELED") for order in orders)
    assert states == books["orders"]["by_state"]


def test_the_money_equals_the_registers_own_books(register: RunningRegister) -> None:
    books = register.books()["total"]
    moved = [p for order in sync(_CONFIG).table("orders").values() for p in order["payments"]]
    paid = [p for p in moved if (p["kind"], p["state"]) == ("payment", "completed")]
    stated = books["payments"]["by_status"]["COMPLETED"]
    assert (len(paid), sum(p["amount"] for p in paid)) == (stated["count"], stated["money"])
    refunds = [p for p in moved if p["kind"] == "refund"]
    assert len(refunds) == books["refunds"]["count"]
    assert -sum(p["amount"] for p in refunds) == books["refunds"]["amount_money"]


def test_every_order_adds_up(first: Synced) -> None:
    for order in first.table("orders").values():
        lines = order["lines"]
        assert order["gross"] == sum(line["gross"] for line in lines)
        assert order["net"] == order["gross"] - order["discount"]
        extra = order["tax"] + order["tip"] + order["service_charge"]
        assert order["total"] == order["net"] + extra
        assert all(line["net"] == line["gross"] - line["discount"] for line in lines)


def test_people_and_their_consents_are_all_there(register: RunningRegister, first: Synced) -> None:
    people = first.table("customers").values()
    alive = [person for person in people if person["deleted_at"] is None]
    assert len(alive) <= register.books()["customers"]["profiles"]
    said = Counter((c["source"], c["state"]) for person in alive for c in person["consents"])
    assert said["square:group:Newsletter", "given"]
    assert said["square:group:Newsletter", "unknown"]
    assert said["square:custom_attribute:club-terms", "given"]
    assert not said["square:preferences.email_unsubscribed", "given"]


def test_every_record_fits_its_schema(first: Synced) -> None:
    for name, schema in first.schemas.items():
        validator = DEFAULT_JSONSCHEMA_VALIDATOR(
            schema, format_checker=DEFAULT_JSONSCHEMA_VALIDATOR.FORMAT_CHECKER
        )
        rows = first.sent(name)
        assert rows, name
        for row in rows[:400]:
            validator.validate(row)


def test_faults_change_nothing_in_the_end(register: RunningRegister) -> None:
    register.set_faults("rate=0.1,kinds=429|500|cut|expired_cursor,seed=5,retry_after=0")
    try:
        troubled = sync(_CONFIG)
    finally:
        register.set_faults("")
    assert troubled.failures == []
    assert tables(troubled) == tables(sync(_CONFIG))


def test_a_run_can_be_taken_up_after_any_state() -> None:
    whole = sync(_CONFIG)
    for position in range(0, len(whole.states), max(1, len(whole.states) // 8)):
        part = whole.until_state(position)
        assert tables(part.then(sync(_CONFIG, part.state))) == tables(whole)


@pytest.mark.parametrize("days", [(1,), (2, 1, 3)], ids=["a day", "several runs"])
def test_reading_day_by_day_equals_reading_all_at_once(
    register: RunningRegister, days: tuple[int, ...]
) -> None:
    out = sync(_CONFIG)
    for step in days:
        before = len(out.messages)
        register.advance(days=step)
        out = out.then(sync(_CONFIG, out.state))
        assert len(out.messages) > before
    # What the search still kept back at the end of the last day is there an hour later.
    register.advance(hours=1)
    out = out.then(sync(_CONFIG, out.state))
    assert tables(out) == tables(sync(_CONFIG))


def test_a_second_run_reads_only_what_is_within_the_lookback() -> None:
    now = sync(_CONFIG)
    again = sync(_CONFIG, now.state)
    assert len(again.sent("orders")) <= 2
    assert len(again.sent("customers")) <= 2
    assert again.sent("products") == []


_Standard: Any = get_tap_test_class(
    TapPOS, config=_CONFIG, suite_config=SuiteConfig(max_records_limit=200)
)


@pytest.mark.filterwarnings("ignore:No records were available to test")
class TestStandard(_Standard):  # type: ignore[misc]
    """The SDK's own tests of a tap, over a whole shop."""
