"""Contacts in Brevo: created, changed and read back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from crm_fakes.brevo import FakeBrevo
from crm_fakes.brevo_people import (
    contact,
    on_a_generous_plan,
    paths_of,
    used_before,
    writes_of,
)
from crm_fakes.brevo_sales import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.brevo import Brevo

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


def test_new_contacts_come_with_one_import_and_their_fields(fake: FakeBrevo, brevo: Brevo) -> None:
    people = [contact(f"c{n}", f"c{n}@example.com", visits=n, segment="loyal") for n in range(250)]
    outcomes = brevo.upsert(people)
    assert {each.state for each in outcomes} == {"done"}
    assert all(each.remote_id for each in outcomes)
    assert [each.path for each in writes_of(fake)] == ["/v3/contacts/import"]
    assert fake.fields_of("c7@example.com") == {
        "visits": 7,
        "segment": "loyal",
        "email": "c7@example.com",
    }
    assert len(fake.members()["2"]) == 250


def test_many_new_contacts_take_as_many_imports_as_they_need(
    fake: FakeBrevo, brevo: Brevo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_shopcrm.destinations.brevo.upserts.MOST", 100)
    outcomes = brevo.upsert([contact(f"c{n}", f"c{n}@example.com") for n in range(250)])
    assert {each.state for each in outcomes} == {"done"}
    assert paths_of(fake).count("POST /contacts/import") == 3
    assert len(writes_of(fake)) == 3


def test_dates_phones_and_right_to_left_names_arrive_as_they_are(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    who = contact(
        "c1",
        "shira@example.com",
        "+972541234567",
        given_name="שירה 🌿",
        last_visit_on=date(2026, 2, 28),
        favourite_category="تمور",
    )
    assert brevo.upsert([who])[0].state == "done"
    assert fake.fields_of("+972541234567") == {
        "given_name": "שירה 🌿",
        "last_visit_on": "2026-02-28",
        "favourite_category": "تمور",
        "email": "shira@example.com",
        "phone": "+972541234567",
    }
    (seen,) = brevo.look_up([who.who])
    assert seen is not None
    assert seen.fields["last_visit_on"] == date(2026, 2, 28)
    assert seen.fields["phone"] == "+972541234567"
    assert seen.subscribed == {"email", "sms"}


def test_who_may_be_texted_only_comes_without_the_email_address(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    who = contact("c1", "ada@example.com", "+4915112345678", channels=("sms",), visits=1)
    assert brevo.upsert([who])[0].state == "done"
    assert fake.known() == {"+4915112345678"}


def test_who_may_not_be_written_to_is_never_created(fake: FakeBrevo, brevo: Brevo) -> None:
    """Brevo would write to them as soon as they exist."""
    nobody = contact("c1", "ada@example.com", channels=(), visits=3)
    blanked = contact("c2", "bob@example.com", channels=(), forget=("visits",))
    assert [each.state for each in brevo.upsert([nobody, blanked])] == ["skipped", "done"]
    assert fake.known() == set()


def test_what_has_to_be_forgotten_goes_by_an_update_because_an_import_ignores_it(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", "ada@example.com", segment="loyal", visits=3)])
    fake.requests.clear()
    outcomes = brevo.upsert([contact("c1", "ada@example.com", visits=4, forget=("segment",))])
    assert outcomes[0].state == "done"
    assert fake.fields_of("ada@example.com") == {"visits": 4, "email": "ada@example.com"}
    assert [each.path for each in writes_of(fake)] == ["/v3/contacts/batch"]


def test_what_brevo_keeps_although_it_should_forget_is_told(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", "ada@example.com", visits=3)])
    fake.contacts.keeps_emptied.add("SHOP_VISITS")
    (outcome,) = brevo.upsert([contact("c1", "ada@example.com", forget=("visits",))])
    assert (outcome.state, outcome.field) == ("refused", "visits")
    assert "kept" in outcome.reason


def test_a_blanked_contact_forgets_leaves_our_lists_and_cannot_be_written_to(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.owner_adds("ada@example.com")
    brevo.upsert([contact("c1", "ada@example.com", segment="loyal")])
    blanked = contact("c1", "ada@example.com", channels=(), forget=("segment", "email"))
    assert brevo.upsert([blanked])[0].state == "done"
    assert fake.fields_of("ada@example.com") == {"email": "ada@example.com"}
    assert fake.mailable() == set()
    assert fake.members()["2"] == set()


def test_a_value_that_brevo_drops_is_not_called_done(fake: FakeBrevo, brevo: Brevo) -> None:
    del fake.contacts.types["SHOP_JOURNEY"]
    outcomes = brevo.upsert(
        [
            contact("c1", "ada@example.com", journey="win_back"),
            contact("c2", "bob@example.com", visits=2),
        ]
    )
    assert [(each.state, each.field) for each in outcomes] == [("refused", "journey"), ("done", "")]


def test_a_phone_number_that_brevo_drops_is_not_called_done(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.contacts.drops_phones = True
    new = contact("c1", "ada@example.com", "+4915112345678")
    assert [(each.state, each.field) for each in brevo.upsert([new])] == [("refused", "phone")]
    fake.contacts.create(fake.now, phone="4915111111111", ext_id="corner:c2")
    (moved,) = brevo.upsert([contact("c2", sms="+4915122222222")])
    assert (moved.state, moved.field) == ("refused", "phone")
    assert fake.mailable() == {("email", "ada@example.com")}


def test_one_bad_address_costs_nobody_else(fake: FakeBrevo, brevo: Brevo) -> None:
    outcomes = brevo.upsert(
        [
            contact("c1", "ada@example.com"),
            contact("c2", "not an address"),
            contact("c3", "cyd@example.com", "+12"),
        ]
    )
    assert [(each.state, each.field) for each in outcomes] == [
        ("done", ""),
        ("refused", "email"),
        ("refused", "phone"),
    ]
    assert fake.known() == {"ada@example.com"}


def test_an_import_that_is_refused_whole_is_told_for_each(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.script = lambda request: (
        refused("about one of them")
        if request.path.endswith("/import") and b"bob" in request.body
        else None
    )
    outcomes = brevo.upsert([contact(n, f"{n}@example.com") for n in ("ada", "bob", "cyd")])
    assert {each.state for each in outcomes} == {"done"}
    assert fake.known() == {"ada@example.com", "bob@example.com", "cyd@example.com"}


def test_whom_the_owner_typed_in_is_adopted_and_not_doubled(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds("ada@example.com")
    fake.advance(minutes=5)
    assert brevo.upsert([contact("c1", "ada@example.com", visits=1)])[0].state == "done"
    assert fake.counts()["contacts"] == 1
    adopted = fake.contacts.at("ada@example.com")
    assert adopted is not None
    assert adopted.ext_id == "corner:c1"


def test_our_id_gets_there_even_if_an_import_does_not_take_it(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.contacts.import_takes_ext_id = False
    assert brevo.upsert([contact("c1", "ada@example.com")])[0].state == "done"
    created = fake.contacts.at("ada@example.com")
    assert created is not None
    assert created.ext_id == "corner:c1"


def test_an_address_of_somebody_with_another_id_is_refused(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", "ada@example.com", visits=1)])
    (outcome,) = brevo.upsert([contact("c2", "ada@example.com", visits=9)])
    assert (outcome.state, outcome.field) == ("refused", "email")
    assert fake.fields_of("ada@example.com")["visits"] == 1


def test_an_update_that_is_refused_is_sent_alone_to_learn_why(brevo: Brevo) -> None:
    brevo.upsert([contact("c1", "ada@example.com"), contact("c2", "bob@example.com")])
    outcomes = brevo.upsert(
        [contact("c1", "ada@example.com", "+12"), contact("c2", "bob@example.com", visits=2)]
    )
    assert [(each.state, each.field) for each in outcomes] == [("refused", "phone"), ("done", "")]


def test_a_phone_number_is_added_to_whoever_is_there(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", "ada@example.com")])
    assert brevo.upsert([contact("c1", "ada@example.com", "+4915112345678")])[0].state == "done"
    assert fake.fields_of("ada@example.com")["phone"] == "+4915112345678"
    assert fake.counts()["contacts"] == 1
