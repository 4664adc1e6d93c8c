"""Contacts in Mailchimp: what a batch may do, and what must go another way."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

import pytest
from crm_fakes.mailchimp import FakeMailchimp, hash_of, settings_for
from crm_fakes.mailchimp.people import DECLARED, blanked, bought, permitted, somebody, withdrawn
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.items import Contact
from target_shopcrm.destinations.mailchimp import Mailchimp
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.crm import Outcome

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


EVERYTHING: dict[str, Any] = {
    "given_name": "שָׁלוֹם 🌷",
    "phone": "+4915112345678",
    "segment": "champions",
    "last_visit_on": date(2026, 2, 27),
    "visits": 12,
    "favourite_category": "Kaffee & Tee",
    "journey": "win_back",
    "journey_due_on": date(2026, 3, 4),
}


def states(outcomes: object) -> list[str]:
    return [each.state for each in cast("list[Outcome]", outcomes)]


def test_a_permitted_contact_arrives_with_everything_and_is_subscribed(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    (outcome,) = crm.upsert([permitted("rivka@example.com", **EVERYTHING)])
    assert outcome.state == "done"
    assert outcome.remote_id == hash_of("rivka@example.com")
    assert fake.mailable() == {("email", "rivka@example.com")}
    assert fake.fields_of("rivka@example.com") == {
        "email": "rivka@example.com",
        **EVERYTHING,
        "last_visit_on": "2026-02-27",
        "journey_due_on": "2026-03-04",
    }
    (seen,) = crm.look_up([somebody("rivka@example.com")])
    assert seen is not None
    assert seen.fields == {"email": "rivka@example.com", **EVERYTHING}
    assert seen.subscribed == {"email"}


def test_a_thousand_contacts_take_two_calls_and_one_look_at_who_said_no(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    people = [permitted(f"p{number}@example.com", visits=number) for number in range(1_000)]
    assert set(states(crm.upsert(people))) == {"done"}
    assert [each.method for each in fake.requests] == ["GET", "POST", "POST"]
    assert fake.counts()["contacts"] == 1_000
    assert len(fake.mailable()) == 1_000


def test_the_proof_of_consent_goes_along(fake: FakeMailchimp, crm: Mailchimp) -> None:
    crm.upsert([permitted("ann@example.com")])
    assert fake.audience.members[hash_of("ann@example.com")].opted_in == "2026-02-01T09:30:00+00:00"


def test_writing_the_same_again_changes_nothing(fake: FakeMailchimp, crm: Mailchimp) -> None:
    for _ in range(2):
        crm.upsert([permitted("ann@example.com", visits=1)])
    assert fake.counts()["contacts"] == 1
    assert fake.fields_of("ann@example.com") == {"email": "ann@example.com", "visits": 1}


def test_what_must_be_forgotten_is_blank_afterwards(fake: FakeMailchimp, crm: Mailchimp) -> None:
    crm.upsert([permitted("ann@example.com", **EVERYTHING)])
    kept = permitted("ann@example.com", visits=13)
    forget = frozenset(EVERYTHING) - {"visits"}
    crm.upsert([Contact(who=kept.who, fields=kept.fields, forget=forget, channels=("email",))])
    assert fake.fields_of("ann@example.com") == {"email": "ann@example.com", "visits": 13}


def test_blanking_a_contact_never_touches_its_status(fake: FakeMailchimp, crm: Mailchimp) -> None:
    crm.upsert([permitted(f"{each}@example.com", visits=1) for each in ("on", "off")])
    crm.withdraw([withdrawn("off@example.com")])
    fake.requests.clear()
    outcomes = crm.upsert([blanked(f"{each}@example.com", "visits") for each in ("on", "off")])
    assert states(outcomes) == ["done", "done"]
    assert [each.method for each in fake.requests] == ["PATCH", "PATCH"]
    assert all("status" not in each.json() for each in fake.requests)
    assert fake.mailable() == {("email", "on@example.com")}
    assert fake.fields_of("off@example.com") == {"email": "off@example.com"}


def test_blanking_somebody_mailchimp_never_knew_creates_nobody(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    outcomes = crm.upsert([blanked("stranger@example.com", "visits"), blanked(None, "visits")])
    assert states(outcomes) == ["done", "done"]
    assert fake.known() == set()


def test_a_contact_of_whom_nothing_is_left_to_say_costs_no_call(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    assert states(crm.upsert([blanked("ann@example.com", "email")])) == ["done"]
    assert fake.requests == []


@pytest.mark.parametrize("strangers", [0, 1])
def test_blanking_many_is_one_job_unless_something_goes_wrong(
    fake: FakeMailchimp, crm: Mailchimp, strangers: int
) -> None:
    people = [f"p{number}@example.com" for number in range(30)]
    crm.upsert([permitted(each, visits=1) for each in people[strangers:]])
    fake.requests.clear()
    assert set(states(crm.upsert([blanked(each, "visits") for each in people]))) == {"done"}
    patches = [each for each in fake.requests if each.method == "PATCH"]
    assert len(patches) == (30 if strangers else 0)
    assert all("visits" not in fake.fields_of(each) for each in people)
    assert len(fake.mailable()) == 30 - strangers


def test_somebody_with_a_phone_only_can_not_be_expressed(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    nobody = somebody(None)
    (outcome,) = crm.upsert(
        [Contact(who=nobody, fields={"phone": "+4915112345678"}, channels=("sms",))]
    )
    assert outcome.state == "skipped"
    assert "e-mail" in outcome.reason
    assert fake.requests == []


def test_a_new_address_is_a_new_member_and_the_former_one_is_left_alone(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    (before,) = crm.upsert([permitted("old@example.com", "ann", given_name="Ann")])
    moved = permitted("new@example.com", "ann", before.remote_id, given_name="Ann")
    (after,) = crm.upsert([moved])
    assert after.remote_id == hash_of("new@example.com")
    assert fake.mailable() == {("email", "new@example.com")}
    assert fake.fields_of("old@example.com") == {"email": "old@example.com"}
    assert fake.writes.index("withdraw old@example.com") < fake.writes.index(
        "upsert new@example.com"
    )
    assert crm.read_opt_outs(None).found == []


def test_an_address_that_somebody_else_took_over_stays_theirs(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    (before,) = crm.upsert([permitted("shared@example.com", "ann", given_name="Ann")])
    crm.upsert([permitted("shared@example.com", "bea", given_name="Bea")])
    crm.upsert([permitted("ann@example.com", "ann", before.remote_id, given_name="Ann")])
    assert fake.mailable() == {("email", "shared@example.com"), ("email", "ann@example.com")}
    assert fake.fields_of("shared@example.com")["given_name"] == "Bea"


def test_somebody_who_lost_the_address_is_no_longer_written_to(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    (before,) = crm.upsert([permitted("ann@example.com", "ann", given_name="Ann")])
    (outcome,) = crm.upsert([blanked(None, remote_id=before.remote_id, contact_id="ann")])
    assert outcome.state == "done"
    assert fake.mailable() == set()
    assert fake.fields_of("ann@example.com") == {"email": "ann@example.com"}


def test_two_contacts_with_one_address_never_meet_in_one_batch(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    couple = [
        permitted("couple@example.com", "ann", given_name="Ann"),
        permitted("Couple@example.com", "bob", given_name="Bob"),
    ]
    assert states(crm.upsert(couple)) == ["done", "done"]
    assert len([each for each in fake.requests if each.method == "POST"]) == 2
    assert fake.counts()["contacts"] == 1


def test_one_bad_contact_in_a_batch_costs_nobody_else(fake: FakeMailchimp, crm: Mailchimp) -> None:
    outcomes = crm.upsert(
        [
            permitted("ann@example.com"),
            permitted("invalid@example.com"),
            permitted("bob@example.com", favourite_category="x" * 300),
            permitted("eve@example.com"),
        ]
    )
    assert [(each.state, each.field) for each in outcomes] == [
        ("done", ""),
        ("refused", "email"),
        ("refused", "favourite_category"),
        ("done", ""),
    ]
    assert len([each for each in fake.requests if each.method == "POST"]) == 1


def test_a_batch_that_is_refused_as_a_whole_is_cut_down_to_the_culprit(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    people = [permitted(f"p{number}@example.com") for number in range(8)]
    people[5] = permitted("p5@example.com", given_name="nul\x00")
    outcomes = crm.upsert(people)
    assert [each.state == "refused" for each in outcomes] == [each == 5 for each in range(8)]
    assert len(fake.mailable()) == 7


def test_somebody_whom_the_answer_does_not_mention_is_looked_up(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    outcomes = crm.upsert([permitted("lost@example.com"), permitted("ann@example.com")])
    assert states(outcomes) == ["uncertain", "done"]
    assert fake.requests[-1].path.endswith(hash_of("lost@example.com"))


def test_a_field_the_owner_made_mandatory_stops_nothing(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("ann@example.com", visits=1)])
    fake.audience.required = {"ADDRESS"}
    assert states(crm.upsert([permitted("bob@example.com")])) == ["done"]
    assert states(crm.upsert([blanked("ann@example.com", "visits")])) == ["done"]
    assert states(crm.withdraw([withdrawn("ann@example.com")])) == ["done"]
    assert fake.mailable() == {("email", "bob@example.com")}


def test_an_erased_person_is_gone_for_good_and_does_not_come_back_with_others(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("gone@example.com"), permitted("ann@example.com")])
    crm.send_orders([bought("gone@example.com"), bought("ann@example.com", "o2")])
    assert states(crm.erase([somebody("gone@example.com"), somebody("never@example.com")])) == [
        "done",
        "done",
    ]
    crm.upsert([permitted("ann@example.com", visits=2), permitted("bob@example.com")])
    assert fake.known() == {"ann@example.com", "bob@example.com"}
    assert set(fake.shop.orders) == {"corner:o2"}
    assert states(crm.erase([somebody("gone@example.com")])) == ["done"]


def test_an_erased_address_can_not_be_imported_again(fake: FakeMailchimp, crm: Mailchimp) -> None:
    crm.upsert([permitted("gone@example.com")])
    crm.erase([somebody("gone@example.com")])
    assert states(crm.upsert([permitted("gone@example.com")])) == ["opted_out"]
    assert crm.look_up([somebody("gone@example.com")]) == [None]
    assert fake.known() == set()


def test_erasing_takes_the_former_address_along_but_nobody_else(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    (former,) = crm.upsert([permitted("old@example.com", "ann")])
    crm.upsert([permitted("new@example.com", "ann"), permitted("bob@example.com", "bob")])
    crm.erase([somebody("new@example.com", "ann", former.remote_id)])
    crm.erase([somebody("x@example.com", "ann", hash_of("bob@example.com"))])
    assert fake.known() == {"bob@example.com"}
