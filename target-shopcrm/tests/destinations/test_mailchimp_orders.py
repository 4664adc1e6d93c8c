"""Lists and orders in Mailchimp: nobody is added by them, and the past triggers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from crm_fakes.mailchimp import FakeMailchimp, hash_of, settings_for
from crm_fakes.mailchimp.people import DECLARED, bought, on_list, permitted, somebody
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.items import Membership, OrderLine
from target_shopcrm.destinations.mailchimp import Mailchimp
from target_shopcrm.errors import CrmSetupError
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection

PATIENCE = Patience(retry=3.0, answer=5.0, poll=0.001, job=0.05)


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp().running() as fake:
        yield fake


@pytest.fixture
def crm(fake: FakeMailchimp) -> Iterator[Mailchimp]:
    crm = Mailchimp(CrmSettings.from_config(settings_for(fake)), PATIENCE)
    fake.audience.fields.update(DECLARED)
    crm.open(cast("Connection", None))
    fake.requests.clear()
    yield crm
    crm.close()


def people(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def arrive(crm: Mailchimp, emails: list[str]) -> None:
    crm.upsert([permitted(each) for each in emails])


def posts(fake: FakeMailchimp, ending: str) -> int:
    return sum(each.method == "POST" and each.path.endswith(ending) for each in fake.requests)


# Lists


def test_five_hundred_join_a_list_in_one_call(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(500))
    fake.requests.clear()
    outcomes = crm.set_memberships([on_list(each) for each in people(500)])
    assert {each.state for each in outcomes} == {"done"}
    assert len(fake.requests) == 1
    assert fake.members()["101"] == set(people(500))


def test_joining_and_leaving_go_together_and_can_be_repeated(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(3))
    crm.set_memberships([on_list(each) for each in people(2)])
    change = [on_list("p0@example.com", is_member=False), on_list("p2@example.com")]
    for _ in range(2):
        assert [each.state for each in crm.set_memberships(change)] == ["done", "done"]
        assert fake.members()["101"] == {"p1@example.com", "p2@example.com"}
    (seen,) = crm.look_up([somebody("p2@example.com")])
    assert seen is not None
    assert seen.lists == {"101"}


def test_an_address_outside_the_audience_is_ignored_without_a_word_but_not_by_us(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(1))
    change = [on_list("p0@example.com"), on_list("stranger@example.com")]
    assert [each.state for each in crm.set_memberships(change)] == ["done", "refused"]
    assert fake.known() == {"p0@example.com"}


def test_one_bad_address_costs_nobody_a_list(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(3))
    change = [*map(on_list, people(3)), on_list("nul\x00@example.com")]
    assert [each.state for each in crm.set_memberships(change)] == ["done"] * 3 + ["refused"]
    assert fake.members()["101"] == set(people(3))


def test_a_former_member_leaves_the_list_by_id(fake: FakeMailchimp, crm: Mailchimp) -> None:
    (known,) = crm.upsert([permitted("ann@example.com")])
    crm.set_memberships([on_list("ann@example.com")])
    gone = Membership(who=somebody(None, remote_id=known.remote_id), list_id="101", is_member=False)
    assert [each.state for each in crm.set_memberships([gone, gone])] == ["done", "done"]
    assert fake.members()["101"] == set()


@pytest.mark.parametrize("list_id", ["999", "200"], ids=["unknown", "not static"])
def test_a_list_that_cannot_take_members_is_found_before_anything_is_sent(
    fake: FakeMailchimp, list_id: str
) -> None:
    config = {**settings_for(fake), "lists": {"champions": list_id}}
    crm = Mailchimp(CrmSettings.from_config(config), PATIENCE)
    with pytest.raises(CrmSetupError, match=f"id {list_id}"):
        crm.open(cast("Connection", None))
    crm.close()


# Orders


def test_an_order_arrives_in_major_units_with_products_and_whole_pieces(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(1))
    assert [each.state for each in crm.send_orders([bought("p0@example.com")])] == ["done"]
    order = fake.shop.orders["corner:o1"]
    assert (order["order_total"], order["tax_total"]) == (11.9, 1.9)
    assert order["customer"] == {
        "id": hash_of("p0@example.com"),
        "email_address": "p0@example.com",
        "opt_in_status": False,
    }
    assert [(each["quantity"], each["price"]) for each in order["lines"]] == [(3, 2.0), (1, 4.0)]
    assert set(fake.shop.products) == {"corner:espresso", "corner:other"}
    assert fake.triggered() == [("order", "p0@example.com")]


@pytest.mark.parametrize(("currency", "total"), [("JPY", 1190.0), ("KWD", 1.19), ("EUR", 11.9)])
def test_every_currency_has_its_own_minor_unit(
    fake: FakeMailchimp, crm: Mailchimp, currency: str, total: float
) -> None:
    arrive(crm, people(1))
    crm.send_orders([msgspec.structs.replace(bought("p0@example.com"), currency=currency)])
    assert fake.shop.orders["corner:o1"]["order_total"] == total


def test_an_order_does_not_make_a_member_of_somebody_outside(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    (outcome,) = crm.send_orders([bought("stranger@example.com")])
    assert outcome.state == "skipped"
    assert fake.known() == set()
    assert fake.shop.orders == {}


def test_what_was_brought_back_has_no_place(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    (outcome,) = crm.send_orders([bought("p0@example.com", total=-500)])
    assert outcome.state == "skipped"
    assert fake.counts()["orders"] == 0


def test_an_order_that_is_there_already_is_changed(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    crm.send_orders([bought("p0@example.com")])
    assert [each.state for each in crm.send_orders([bought("p0@example.com", total=2000)])] == [
        "done"
    ]
    assert fake.counts()["orders"] == 1
    assert fake.shop.orders["corner:o1"]["order_total"] == 20.0
    assert len(fake.shop.products) == 2


def test_past_orders_go_in_while_the_store_is_paused(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(2))
    crm.send_orders([bought("p0@example.com", is_history=True), bought("p1@example.com", "o2")])
    assert fake.counts()["orders"] == 2
    assert fake.triggered() == [("order", "p1@example.com")]
    assert fake.shop.pauses == [True, False]


def test_a_store_the_owner_paused_stays_paused(
    fake: FakeMailchimp, crm: Mailchimp, caplog: pytest.LogCaptureFixture
) -> None:
    fake.shop.paused = True
    arrive(crm, people(1))
    crm.send_orders([bought("p0@example.com", is_history=True)])
    assert fake.shop.pauses == []
    assert "is paused" in caplog.text


def test_many_orders_are_one_job(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(40))
    fake.requests.clear()
    outcomes = crm.send_orders([bought(each, f"of {each}") for each in people(40)])
    assert {each.state for each in outcomes} == {"done"}
    assert fake.counts()["orders"] == 40
    assert posts(fake, "/batches") == 1


def test_one_bad_order_among_many_costs_nobody_else(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    orders = [bought("p0@example.com", f"o{number}") for number in range(12)]
    orders[7] = msgspec.structs.replace(orders[7], currency="")
    outcomes = crm.send_orders(orders)
    assert [each.state == "refused" for each in outcomes] == [each == 7 for each in range(12)]
    assert fake.counts()["orders"] == 11


def test_an_order_without_lines_is_one_line(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    crm.send_orders([msgspec.structs.replace(bought("p0@example.com"), lines=())])
    (line,) = fake.shop.orders["corner:o1"]["lines"]
    assert (line["product_id"], line["price"]) == ("corner:other", 10.0)


def test_a_line_of_which_nothing_is_left_keeps_its_price(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(1))
    none_left = OrderLine(product_id="espresso", quantity="0", net=0)
    crm.send_orders([msgspec.structs.replace(bought("p0@example.com"), lines=(none_left,))])
    (line,) = fake.shop.orders["corner:o1"]["lines"]
    assert (line["quantity"], line["price"]) == (1, 0.0)


def test_a_store_of_another_audience_is_refused(fake: FakeMailchimp, crm: Mailchimp) -> None:
    fake.shop.list_id = "another"
    arrive(crm, people(1))
    with pytest.raises(CrmSetupError, match="another audience"):
        crm.send_orders([bought("p0@example.com")])


def test_without_a_store_no_orders_go_out(fake: FakeMailchimp) -> None:
    config = {**settings_for(fake), "store_id": None}
    crm = Mailchimp(CrmSettings.from_config(config), PATIENCE)
    (outcome,) = crm.send_orders([bought("p0@example.com")])
    assert outcome.state == "skipped"
    assert "store_id" in outcome.reason
    assert [each.state for each in crm.erase([somebody("p0@example.com")])] == ["done"]
    crm.close()
