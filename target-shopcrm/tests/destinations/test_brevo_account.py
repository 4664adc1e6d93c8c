"""A Brevo account: what it needs, how it is read in few calls, and its lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_fakes.brevo import FakeBrevo
from crm_fakes.brevo_people import (
    connected,
    contact,
    grant,
    membership,
    on_a_generous_plan,
    paths_of,
    person,
    used_before,
    withdrawal,
    writes_of,
)
from target_shopcrm.destinations.brevo import Brevo
from target_shopcrm.destinations.crm import Operation
from target_shopcrm.errors import ConfigurationError, CrmSetupError
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.items import Person

NO_CONNECTION: Connection = None  # type: ignore[assignment]  # a destination outside has no tables


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBrevo]:
    on_a_generous_plan(monkeypatch)
    with FakeBrevo().running() as running:
        yield running


@pytest.fixture
def brevo(fake: FakeBrevo) -> Iterator[Brevo]:
    destination = used_before(fake)
    yield destination
    destination.close()


def test_without_a_list_of_everybody_nothing_starts() -> None:
    with pytest.raises(ConfigurationError, match="lists"):
        Brevo(CrmSettings(api_key="k"))
    with pytest.raises(CrmSetupError, match=r"'\*'"):
        Brevo(CrmSettings(api_key="k", lists={"loyal": "3"}))
    with pytest.raises(CrmSetupError, match="isn't a number"):
        Brevo(CrmSettings(api_key="k", lists={"*": "everybody"}))


def test_opening_declares_what_is_missing_and_costs_two_calls_once_it_is_there(
    fake: FakeBrevo,
) -> None:
    connected(fake).open(NO_CONNECTION)
    assert fake.contacts.types["SHOP_LAST_VISIT_ON"] == "date"
    assert fake.contacts.types["SHOP_VISITS"] == "float"
    fake.requests.clear()
    connected(fake).open(NO_CONNECTION)
    assert paths_of(fake) == ["GET /contacts/attributes", "GET /contacts/lists/2"]


def test_an_attribute_of_another_type_is_named_and_left_alone(fake: FakeBrevo) -> None:
    fake.contacts.types["SHOP_VISITS"] = "text"
    with pytest.raises(CrmSetupError, match="SHOP_VISITS should be of type float, and is text"):
        connected(fake).open(NO_CONNECTION)


def test_a_list_that_does_not_exist_is_named(fake: FakeBrevo) -> None:
    with pytest.raises(CrmSetupError, match="no list 9"):
        connected(fake, lists={"*": "9"}).open(NO_CONNECTION)


def test_lists_take_150_a_call_and_skip_who_is_right_already(fake: FakeBrevo, brevo: Brevo) -> None:
    people = [contact(f"c{n}", f"c{n}@example.com") for n in range(160)]
    brevo.upsert(people)
    fake.requests.clear()
    wanted = [membership(each.who, list_id) for each in people for list_id in ("2", "3")]
    assert {each.state for each in brevo.set_memberships(wanted)} == {"done"}
    assert [each.path for each in writes_of(fake)] == ["/v3/contacts/lists/3/contacts/add"] * 2
    assert len(fake.members()["3"]) == 160
    (off,) = brevo.set_memberships([membership(people[0].who, "3", is_member=False)])
    assert off.state == "done"
    assert len(fake.members()["3"]) == 159


def test_a_list_that_left_nobody_to_add_is_no_error(fake: FakeBrevo, brevo: Brevo) -> None:
    """Brevo says 400 when all of them are on the list already."""
    brevo.upsert([contact("c1", "ada@example.com")])
    created = fake.contacts.at("ada@example.com")
    assert created is not None
    created.lists.add(3)
    assert brevo.set_memberships([membership(person("c1"), "3")])[0].state == "done"


def test_a_missing_list_is_a_matter_of_setup(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", "ada@example.com")])
    del fake.lists[3]
    with pytest.raises(CrmSetupError, match="no list 3"):
        brevo.set_memberships([membership(person("c1"), "3")])


def test_an_unchanged_night_costs_one_reading(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", "ada@example.com")])
    cursor = brevo.read_opt_outs(None).cursor
    fake.advance(days=1)
    tonight = connected(fake)
    cursor = tonight.read_opt_outs(cursor).cursor
    fake.requests.clear()
    tomorrow = connected(fake)
    assert tomorrow.read_opt_outs(cursor).found == []
    assert paths_of(fake) == ["GET /contacts"]
    assert tomorrow.calls == 1


def test_a_big_account_is_not_read_for_one_person(fake: FakeBrevo, brevo: Brevo) -> None:
    for number in range(5_500):
        fake.contacts.create(fake.now, email=f"n{number}@example.com", ext_id=f"corner:n{number}")
    (seen,) = brevo.look_up([person("n7", "n7@example.com")])
    assert seen is not None
    assert seen.fields["email"] == "n7@example.com"
    assert len(fake.requests) == 3
    fake.requests.clear()
    assert brevo.withdraw([withdrawal("n7@example.com")])[0].state == "done"
    assert paths_of(fake) == [
        "GET /processes",
        "GET /contacts/n7%40example.com",
        "POST /contacts/batch",
        f"GET /contacts/{seen.remote_id}",
    ]


def test_one_change_in_a_big_account_is_made_and_read_back_alone(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    for number in range(5_500):
        fake.contacts.create(fake.now, email=f"n{number}@example.com", ext_id=f"corner:n{number}")
    ada = fake.contacts.create(
        fake.now, email="ada@example.com", ext_id="corner:c1", attributes={"SHOP_VISITS": 3}
    )
    who = contact("c1", "ada@example.com", forget=("visits",), segment="loyal")
    assert brevo.upsert([who])[0].state == "done"
    assert brevo.upsert([contact("c2", "bob@example.com")])[0].state == "done"
    assert ada.attributes == {"SHOP_SEGMENT": "loyal"}
    assert [each.path.removeprefix("/v3") for each in writes_of(fake)] == [
        "/contacts/batch",
        "/contacts/import",
    ]
    pages = [each for each in fake.requests if each.path == "/v3/contacts"]
    assert len(pages) == 1


def test_whoever_is_deleted_while_pages_are_read_hides_nobody(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    for number in range(1_500):
        fake.contacts.create(fake.now, email=f"n{number}@example.com", email_blocked=True)
    first, asked = next(iter(fake.contacts)).id, []

    def delete_in_between(request: object) -> None:
        asked.append(request)
        if len(asked) == 2:
            del fake.contacts.rows[first + 999]

    fake.script = delete_in_between
    found = brevo.read_opt_outs(None).found
    assert len({each.address for each in found}) == 1_499


def test_what_it_says_it_can_do_it_does(brevo: Brevo) -> None:
    assert all(brevo.capabilities.can(operation) for operation in Operation)
    assert brevo.capabilities.identified_by == {"email", "phone"}
    empty: list[Person] = []
    assert list(brevo.look_up(empty)) == []
    nothing = [brevo.upsert([]), brevo.erase(empty), brevo.withdraw([]), brevo.grant([])]
    nothing += [brevo.send_cues([]), brevo.send_orders([]), brevo.send_events([])]
    assert nothing == [[]] * len(nothing)
    assert brevo.calls == 0
    assert brevo.grant([grant(person("c9", "nobody@example.com"))])[0].state == "refused"
