"""What BottleCRM and its fake both have to go through."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from crm_fakes.bottlecrm import settings_for
from target_shopcrm.destinations.bottlecrm import BottleCRM
from target_shopcrm.destinations.http import Patience
from target_shopcrm.errors import CredentialsError, CrmSetupError
from target_shopcrm.settings import CrmSettings

from crm_servers.people import (
    ADA,
    ADAS_PHONE,
    BOB,
    NO_CONNECTION,
    blanked,
    contact,
    cue,
    grant,
    membership,
    person,
    states,
    withdrawal,
)

EVERYTHING: dict[str, Any] = {
    "given_name": "Ada",
    "segment": "champions",
    "last_visit_on": date(2026, 11, 20),
    "visits": 12,
    "favourite_category": "Coffee",
    "journey": "win_back",
    "journey_due_on": date(2026, 12, 1),
}
_HASTY = Patience(retry=2, answer=20, poll=0.01, job=2)


def opened(crm: Any, **changed: Any) -> BottleCRM:
    """The destination, ready for use."""
    settings = CrmSettings.from_config({**settings_for(crm), **changed})
    destination = BottleCRM(settings, _HASTY)
    destination.open(NO_CONNECTION)
    return destination


class ContactScenarios:
    """How contacts come, change and go."""

    def test_a_new_contact_arrives_whole_but_may_not_be_written_to(self, crm: Any) -> None:
        (outcome,) = opened(crm).upsert([contact("ada", ADA, ADAS_PHONE, **EVERYTHING)])
        assert outcome.state == "done"
        assert outcome.remote_id
        assert crm.fields_of(ADA) == {
            **EVERYTHING,
            "email": ADA,
            "phone": ADAS_PHONE,
            "last_visit_on": "2026-11-20",
            "journey_due_on": "2026-12-01",
        }
        assert crm.mailable() == set()

    def test_what_was_written_can_be_looked_up(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, ADAS_PHONE, **EVERYTHING)])
        destination.grant([grant("ada", ADA)])
        seen, nobody = destination.look_up([person("ada"), person("nobody")])
        assert nobody is None
        assert seen is not None
        assert seen.fields == {**EVERYTHING, "email": ADA, "phone": ADAS_PHONE}
        assert seen.subscribed == {"email"}

    def test_a_name_of_any_script_survives(self, crm: Any) -> None:
        destination = opened(crm)
        names = ["عائشة 🧵", "Łukasz", "さくら"]
        destination.upsert(
            [contact(str(i), f"n{i}@shopper.example", given_name=n) for i, n in enumerate(names)]
        )
        found = [crm.fields_of(f"n{i}@shopper.example")["given_name"] for i in range(3)]
        assert found == names

    def test_a_contact_without_a_name_or_address_gets_a_placeholder(self, crm: Any) -> None:
        destination = opened(crm)
        assert states(destination.upsert([contact("x", phone=ADAS_PHONE)])) == ["done"]
        assert crm.counts()["contacts"] == 1
        (seen,) = destination.look_up([person("x")])
        assert seen is not None
        assert "given_name" not in seen.fields

    def test_an_unchanged_contact_is_not_written_again(self, crm: Any) -> None:
        destination = opened(crm)
        ada = contact("ada", ADA, ADAS_PHONE, **EVERYTHING)
        destination.upsert([ada])
        before = destination.calls
        assert states(destination.upsert([ada])) == ["done"]
        assert destination.calls - before == 1  # it only looked

    def test_what_is_to_be_forgotten_is_gone(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, **EVERYTHING)])
        forget = frozenset(EVERYTHING) - {"visits"}
        destination.upsert([contact("ada", ADA, forget=forget, visits=13)])
        assert crm.fields_of(ADA) == {"given_name": "Customer", "email": ADA, "visits": 13}

    def test_a_changed_address_takes_the_place_of_the_old_one(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        destination.grant([grant("ada", ADA)])
        destination.upsert([contact("ada", "ada@new.example")])
        assert crm.known() == {"ada@new.example"}
        assert ("email", ADA) not in crm.mailable()

    def test_an_address_that_only_identifies_takes_no_consent_over(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, ADAS_PHONE)])
        destination.grant([grant("ada", ADA), grant("ada", ADAS_PHONE, "sms")])
        destination.upsert([contact("ada", phone=ADAS_PHONE)])
        assert crm.mailable() == {("sms", ADAS_PHONE)}

    def test_a_contact_typed_in_by_hand_is_adopted_consent_untouched(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds("Ada@Shopper.example")
        mailable = crm.mailable()
        assert states(destination.upsert([contact("ada", ADA, visits=3)])) == ["done"]
        assert crm.counts()["contacts"] == 1
        assert crm.fields_of(ADA)["visits"] == 3
        assert crm.mailable() == mailable

    def test_the_address_of_another_customer_is_refused(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, visits=3)])
        (outcome,) = destination.upsert([contact("bob", ADA, visits=9)])
        assert (outcome.state, outcome.field) == ("refused", "email")
        assert crm.fields_of(ADA)["visits"] == 3

    def test_one_bad_contact_costs_nobody_else_anything(self, crm: Any) -> None:
        people = [contact("ada", ADA), contact("bad", "no address"), contact("bob", BOB)]
        outcomes = opened(crm).upsert(people)
        assert states(outcomes) == ["done", "refused", "done"]
        assert outcomes[1].field == "email"
        assert "no address" not in outcomes[1].reason
        assert crm.known() == {ADA, BOB}

    def test_the_erased_are_gone_and_stay_gone_when_others_are_written(self, crm: Any) -> None:
        destination = opened(crm)
        people = [contact("ada", ADA, ADAS_PHONE), contact("bob", BOB)]
        destination.upsert(people)
        destination.send_cues([cue("ada", ADA, "Ask Ada about her coffee")])
        gone = destination.erase([person("ada", ADA, ADAS_PHONE), person("never", "no@x.example")])
        assert states(gone) == ["done", "done"]
        destination.upsert(people[1:])
        assert crm.known() == {BOB}
        assert crm.counts() == {"contacts": 1, "orders": 0, "events": 0, "cues": 0}

    def test_erasing_finds_a_contact_typed_in_by_hand(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds(ADA)
        assert states(destination.erase([person("", ADA)])) == ["done"]
        assert crm.known() == set()

    def test_a_household_keeps_its_other_contacts_when_one_is_erased(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, ADAS_PHONE), contact("bob", BOB, ADAS_PHONE)])
        assert states(destination.erase([person("ada", ADA, ADAS_PHONE)])) == ["done"]
        assert crm.known() == {BOB}


class ConsentScenarios:
    """Who may be written to."""

    def test_a_grant_opens_a_withdrawal_closes_and_a_later_grant_opens_again(
        self, crm: Any
    ) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, ADAS_PHONE)])
        both = [grant("ada", ADA), grant("ada", ADAS_PHONE, "sms")]
        assert states(destination.grant(both)) == ["done", "done"]
        assert crm.mailable() == {("email", ADA), ("sms", ADAS_PHONE)}
        closing = [withdrawal("ada", ADA), withdrawal("ada", ADAS_PHONE, "sms")]
        assert states(destination.withdraw(closing)) == ["done", "done"]
        assert crm.mailable() == set()
        assert crm.opted_out() == set()  # the shop took it back; nobody told the CRM
        assert destination.read_opt_outs(None).found == []
        assert states(destination.grant(both)) == ["done", "done"]
        assert crm.mailable() == {("email", ADA), ("sms", ADAS_PHONE)}

    def test_withdrawing_an_unknown_address_creates_no_contact(self, crm: Any) -> None:
        destination = opened(crm)
        assert states(destination.withdraw([withdrawal("", ADA)])) == ["done"]
        assert crm.counts()["contacts"] == 0

    def test_a_withdrawal_reaches_a_contact_typed_in_by_hand_but_no_longer_address(
        self, crm: Any
    ) -> None:
        destination = opened(crm)
        crm.owner_adds("Ann@shopper.example")
        crm.owner_adds("joann@shopper.example")
        destination.withdraw([withdrawal("", "ann@shopper.example")])
        assert crm.mailable() == {("email", "joann@shopper.example")}

    def test_who_unsubscribed_in_the_crm_is_read_back_and_stays_so(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, ADAS_PHONE)])
        destination.grant([grant("ada", ADA), grant("ada", ADAS_PHONE, "sms")])
        crm.person_opts_out("email", ADA)
        crm.person_opts_out("sms", ADAS_PHONE)
        said = {(each.channel, each.address) for each in destination.read_opt_outs(None).found}
        assert said == crm.opted_out() == {("email", ADA), ("sms", ADAS_PHONE)}
        destination.upsert([contact("ada", ADA, ADAS_PHONE, visits=2)])
        destination.withdraw([withdrawal("ada", ADA)])
        yesterday = datetime.now(timezone.utc) - timedelta(days=1)
        (old,) = destination.grant([grant("ada", ADA, given_at=yesterday)])
        assert old.state == "opted_out"
        assert crm.mailable() == set()
        assert ("email", ADA) in crm.opted_out()

    def test_who_agrees_again_after_unsubscribing_may_be_written_to(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        crm.person_opts_out("email", ADA)
        destination.read_opt_outs(None)
        agreed_at = datetime.now(timezone.utc)
        destination.upsert([contact("ada", ADA, visits=2)])  # our own change says nothing
        assert states(destination.grant([grant("ada", ADA, given_at=agreed_at)])) == ["done"]
        assert crm.mailable() == {("email", ADA)}

    def test_do_not_call_ticked_by_hand_is_an_opt_out(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, ADAS_PHONE)])
        destination.grant([grant("ada", ADAS_PHONE, "sms")])
        crm.switch_do_not_call(ADA)
        (said,) = destination.read_opt_outs(None).found
        assert (said.channel, said.address, said.cause) == ("sms", ADAS_PHONE, "do_not_call")
        assert crm.mailable() == set()

    def test_blanking_leaves_the_withdrawal_and_creates_nobody(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, **EVERYTHING)])
        destination.grant([grant("ada", ADA)])
        gone = [blanked("ada", ADA, *EVERYTHING), blanked("bob", BOB, *EVERYTHING)]
        assert states(destination.upsert(gone)) == ["done", "done"]
        assert crm.fields_of(ADA) == {"given_name": "Customer", "email": ADA}
        assert crm.mailable() == set()
        assert crm.known() == {ADA}

    def test_a_grant_for_nobody_or_another_address_opens_nothing(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        assert states(destination.grant([grant("bob", BOB), grant("ada", BOB)])) == [
            "refused",
            "refused",
        ]
        assert crm.mailable() == set()


class SetupScenarios:
    """Lists, cues, and what is set up wrongly."""

    def test_tags_are_put_on_and_taken_off_without_losing_others(self, crm: Any) -> None:
        destination = opened(crm)
        everybody, loyal = settings_for(crm)["lists"].values()
        destination.upsert([contact("ada", ADA)])
        joined = [membership("ada", ADA, everybody), membership("ada", ADA, loyal)]
        assert states(destination.set_memberships(joined)) == ["done", "done"]
        left = [membership("ada", ADA, everybody, is_member=False)]
        assert states(destination.set_memberships(left)) == ["done"]
        assert crm.members() == {everybody: set(), loyal: {ADA}}

    def test_a_tag_that_does_not_exist_stops_the_run_before_anything_is_sent(
        self, crm: Any
    ) -> None:
        with pytest.raises(CrmSetupError, match="no active tag"):
            opened(crm, lists={"*": "6f0c5e0e-1111-4a4a-8a8a-aaaaaaaaaaaa"})

    def test_a_cue_becomes_one_task_however_often_it_is_sent(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        hints = [cue("ada", ADA), cue("ada", ADA, "Tell Ada: " + "x" * 500, "c2")]
        assert states(destination.send_cues(hints)) == ["done", "done"]
        assert states(destination.send_cues(hints, again=True)) == ["done", "done"]
        assert states(destination.send_cues([cue("bob", BOB)])) == ["refused"]
        assert crm.counts()["cues"] == 2

    def test_a_second_start_declares_nothing_and_costs_two_calls(self, crm: Any) -> None:
        opened(crm)
        assert opened(crm).calls == 2

    def test_a_custom_field_that_was_switched_off_stops_the_run(self, crm: Any) -> None:
        opened(crm)
        crm.switch_off("email_marketing")
        with pytest.raises(CrmSetupError, match="email_marketing"):
            opened(crm)

    def test_a_field_switched_off_during_the_run_is_noticed(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        crm.switch_off("visits")
        crm.switch_off("email_marketing")
        (told,) = destination.upsert([contact("ada", ADA, visits=7)])
        assert (told.state, told.field) == ("refused", "visits")
        assert states(destination.grant([grant("ada", ADA)])) == ["uncertain"]

    def test_a_wrong_token_is_said_so_and_never_shown(self, crm: Any) -> None:
        with pytest.raises(CredentialsError, match="correct api_key") as caught:
            opened(crm, api_key="bcrm_pat_wrong")
        assert "bcrm_pat_wrong" not in str(caught.value)

    def test_a_contact_that_was_created_with_a_500_is_not_created_twice(self, crm: Any) -> None:
        destination = opened(crm)
        with crm.without_redis():
            people = [contact("ada", ADA, visits=3), contact("nameless", phone=ADAS_PHONE)]
            assert states(destination.upsert(people)) == ["done", "done"]
        assert crm.counts()["contacts"] == 2
        assert crm.fields_of(ADA)["visits"] == 3
