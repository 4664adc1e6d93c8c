"""Nobody who said no is written to by Brevo, whatever Brevo does by itself."""

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
from crm_fakes.fake import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm_fakes.fake import Request
    from target_shopcrm.destinations.brevo import Brevo

ADA, BOB = "ada@example.com", "bob@example.com"
NEW = "ada@new.example"
PHONE, NEW_PHONE = "+4915112345678", "+4915199999999"


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


def test_a_new_address_does_not_resubscribe_whoever_opted_out(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    """The trap: changing a blocklisted contact's address lifts the blocklisting."""
    brevo.upsert([contact("c1", ADA)])
    fake.person_opts_out("email", ADA)
    (outcome,) = brevo.upsert([contact("c1", NEW, visits=2)])
    assert outcome.state == "done"
    assert fake.known() == {NEW}
    assert fake.mailable() == set()
    assert fake.fields_of(NEW)["visits"] == 2
    (granted,) = brevo.grant([grant(person("c1", NEW))])
    assert (granted.state, granted.field) == ("opted_out", "email")
    assert fake.mailable() == set()


def test_an_address_is_changed_alone_between_two_looks(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA), contact("c2", BOB)])
    fake.person_opts_out("email", ADA)
    fake.requests.clear()
    brevo.upsert([contact("c1", NEW), contact("c2", BOB, visits=2)])
    ada = fake.contacts.at(NEW)
    assert ada is not None
    one = f"/contacts/{ada.id}"
    asked = paths_of(fake)
    assert asked[-5:] == [
        f"GET {one}",
        f"PUT {one}",
        f"GET {one}",
        "POST /contacts/batch",
        f"GET {one}",
    ]


def test_a_new_phone_number_does_not_resubscribe_either(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", sms=PHONE)])
    fake.person_opts_out("sms", PHONE)
    assert brevo.upsert([contact("c1", sms=NEW_PHONE)])[0].state == "done"
    assert fake.opted_out() == {("sms", NEW_PHONE)}


def test_an_agreed_new_address_is_written_to_after_the_old_one_was_withdrawn(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    """The withdrawal blocklists the contact; this run did it, so this run may lift it."""
    brevo.upsert([contact("c1", ADA)])
    assert brevo.withdraw([withdrawal(ADA, "c1")])[0].state == "done"
    assert brevo.upsert([contact("c1", NEW)])[0].state == "done"
    assert fake.mailable() == set()
    assert brevo.grant([grant(person("c1", NEW))])[0].state == "done"
    assert fake.mailable() == {("email", NEW)}


def test_a_no_that_an_earlier_run_found_is_never_repaired(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA)])
    brevo.withdraw([withdrawal(ADA)])
    next_run = connected(fake)
    assert next_run.upsert([contact("c1", ADA, visits=5)])[0].state == "done"
    (outcome,) = next_run.grant([grant(person("c1", ADA))])
    assert (outcome.state, outcome.reason) == ("opted_out", "blocklisted")
    assert fake.mailable() == set()


def test_withdrawing_what_was_blocklisted_before_makes_it_nobody_elses(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", ADA)])
    fake.person_opts_out("email", ADA)
    brevo.withdraw([withdrawal(ADA)])
    assert brevo.grant([grant(person("c1", ADA))])[0].state == "opted_out"
    assert fake.mailable() == set()


def test_a_grant_for_whoever_is_open_already_writes_nothing(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA, PHONE)])
    fake.requests.clear()
    who = person("c1", ADA, PHONE)
    assert [each.state for each in brevo.grant([grant(who), grant(who, "sms")])] == ["done", "done"]
    assert writes_of(fake) == []


def test_whoever_is_there_is_never_imported(fake: FakeBrevo, brevo: Brevo) -> None:
    """An import that updates might lift a blocklisting; the fake's does."""
    brevo.upsert([contact("c1", ADA), contact("c2", BOB)])
    fake.person_opts_out("email", ADA)
    fake.requests.clear()
    outcomes = brevo.upsert([contact("c1", ADA, visits=2), contact("c2", BOB, visits=3)])
    assert {each.state for each in outcomes} == {"done"}
    assert fake.fields_of(ADA)["visits"] == 2
    assert fake.mailable() == {("email", BOB)}
    assert [each.path for each in writes_of(fake)] == ["/v3/contacts/batch"]


def test_whoever_says_no_while_an_import_is_on_its_way_is_not_changed_by_it(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    def meanwhile(request: Request) -> None:
        if request.path.endswith("/import"):
            fake.person_opts_out("email", ADA)

    fake.script = meanwhile
    assert brevo.upsert([contact("c1", ADA, visits=2)])[0].state == "done"
    assert fake.fields_of(ADA)["visits"] == 2
    assert brevo.grant([grant(person("c1", ADA))])[0].state == "opted_out"
    assert fake.mailable() == set()


def test_an_import_only_creates_and_never_empties_nor_blocklists(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", ADA)])
    (request,) = writes_of(fake)
    body = request.json()
    assert body["updateExistingContacts"] is False
    assert body["emptyContactsAttributes"] is False
    assert not {"emailBlacklist", "smsBlacklist"} & body.keys()


def test_whoever_left_the_list_is_not_put_back(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA)])
    ada = fake.contacts.at(ADA)
    assert ada is not None
    ada.lists, ada.left = set(), {2, 3}
    assert brevo.upsert([contact("c1", ADA, visits=2)])[0].state == "done"
    assert brevo.set_memberships([membership(person("c1", ADA), "3")])[0].state == "opted_out"
    assert brevo.grant([grant(person("c1", ADA))])[0].state == "opted_out"
    assert (ada.lists, ada.left) == (set(), {2, 3})
    assert [each.cause for each in brevo.read_opt_outs(None).found] == ["list_unsubscribed"]


def test_opt_outs_are_read_back_also_of_people_we_never_sent(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds("Gus@Example.com")
    fake.person_opts_out("email", "gus@example.com")
    brevo.upsert([contact("c1", ADA, PHONE)])
    fake.advance(hours=1)
    cursor = brevo.read_opt_outs(None).cursor
    fake.advance(hours=1)
    fake.person_opts_out("sms", PHONE)
    tonight = connected(fake)
    found = tonight.read_opt_outs(cursor).found
    assert [(each.channel, each.address, each.at) for each in found] == [("sms", PHONE, None)]
    everything = connected(fake).read_opt_outs(None).found
    assert {each.address for each in everything} == {"gus@example.com", PHONE}


def test_an_opt_out_in_the_second_of_the_cursor_is_not_lost(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds(ADA)
    cursor = brevo.read_opt_outs(None).cursor
    fake.person_opts_out("email", ADA)
    assert [each.address for each in connected(fake).read_opt_outs(cursor).found] == [ADA]


def test_withdrawals_take_a_hundred_a_call_and_are_read_back(fake: FakeBrevo, brevo: Brevo) -> None:
    people = [contact(f"c{n}", f"c{n}@example.com") for n in range(250)]
    brevo.upsert(people)
    fake.requests.clear()
    outcomes = brevo.withdraw([withdrawal(f"c{n}@example.com", f"c{n}") for n in range(250)])
    assert {each.state for each in outcomes} == {"done"}
    assert paths_of(fake) == [
        "GET /processes",
        "GET /contacts",
        *["POST /contacts/batch"] * 3,
        "GET /contacts",
    ]
    assert fake.mailable() == set()


def test_a_withdrawal_reaches_whoever_holds_the_address_and_creates_nobody(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.owner_adds(ADA)
    outcomes = brevo.withdraw([withdrawal(ADA), withdrawal("gone@example.com"), withdrawal(PHONE)])
    assert {each.state for each in outcomes} == {"done"}
    assert fake.opted_out() == {("email", ADA)}
    assert fake.known() == {ADA}


def test_a_withdrawal_that_does_not_hold_is_not_called_done(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds(ADA)
    fake.script = lambda request: (
        None if not request.path.endswith("/batch") else _accepted_but_ignored()
    )
    assert brevo.withdraw([withdrawal(ADA)])[0].state == "uncertain"


def _accepted_but_ignored() -> Answer:
    return Answer(204, b"")


def test_withdrawing_twice_is_withdrawing_once(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds(ADA)
    brevo.withdraw([withdrawal(ADA)])
    fake.requests.clear()
    assert connected(fake).withdraw([withdrawal(ADA)])[0].state == "done"
    assert writes_of(fake) == []


def test_a_channel_that_is_not_permitted_any_more_is_closed_on_the_way(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", ADA, PHONE)])
    brevo.upsert([contact("c1", ADA, PHONE, channels=("sms",))])
    assert fake.mailable() == {("sms", PHONE)}


def test_a_new_address_that_is_somebody_elses_closes_the_old_one(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", ADA), contact("c2", BOB)])
    (outcome,) = brevo.upsert([contact("c1", BOB)])
    assert (outcome.state, outcome.field) == ("refused", "email")
    assert fake.mailable() == {("email", BOB)}


def test_a_new_address_that_brevo_refuses_closes_the_old_one(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA)])
    (outcome,) = brevo.upsert([contact("c1", "not an address")])
    assert (outcome.state, outcome.field) == ("refused", "email")
    assert outcome.reason == "invalid_parameter"
    assert fake.mailable() == set()


def test_an_email_beside_a_phone_is_added_to_the_same_contact(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", sms=PHONE)])
    assert brevo.upsert([contact("c1", ADA, PHONE)])[0].state == "done"
    assert fake.counts()["contacts"] == 1
    assert fake.mailable() == {("email", ADA), ("sms", PHONE)}


@pytest.mark.parametrize("address", [ADA, PHONE])
def test_an_address_that_is_added_does_not_lift_a_no_given_before(
    fake: FakeBrevo, brevo: Brevo, address: str
) -> None:
    before = contact("c1", sms=PHONE) if address == ADA else contact("c1", ADA)
    brevo.upsert([before])
    (held,) = fake.contacts
    held.email_blocked = held.sms_blocked = True
    assert brevo.upsert([contact("c1", ADA, PHONE)])[0].state == "done"
    assert fake.known() == {ADA, PHONE}
    assert fake.mailable() == set()


def test_the_erased_are_gone_by_id_and_by_every_address(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA), contact("c2", BOB)])
    fake.contacts.create(fake.now, phone=PHONE.lstrip("+"))
    outcomes = brevo.erase([person("c1", ADA, PHONE), person("never", "never@example.com")])
    assert [each.state for each in outcomes] == ["done", "done"]
    assert fake.known() == {BOB}


def test_the_erased_do_not_come_back_with_others(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA), contact("c2", BOB)])
    brevo.erase([person("c1", ADA)])
    brevo.upsert([contact("c2", BOB, visits=2), contact("c3", "cyd@example.com")])
    assert fake.known() == {BOB, "cyd@example.com"}
    assert brevo.look_up([person("c1", ADA)]) == [None]


def test_an_erasure_that_does_not_hold_is_not_called_done(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds(ADA)
    fake.script = lambda request: _accepted_but_ignored() if request.method == "DELETE" else None
    assert brevo.erase([person("c1", ADA)])[0].state == "uncertain"
    assert fake.known() == {ADA}


def test_a_merge_that_reused_an_id_misleads_nobody(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA)])
    ada = fake.contacts.at(ADA)
    assert ada is not None
    stranger = person("c9", "c9@example.com", remote_id=str(ada.id))
    assert brevo.look_up([stranger]) == [None]
