"""What Tryton and its fake both have to go through."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from crm_fakes.tryton import settings_for
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.tryton import Tryton
from target_shopcrm.settings import CrmSettings

from crm_servers.people import (
    ADA,
    BOB,
    NO_CONNECTION,
    blanked,
    contact,
    cue,
    grant,
    membership,
    order,
    person,
    states,
    withdrawal,
)

_HASTY = Patience(retry=2, answer=20, poll=0.01, job=2)


def opened(crm: Any, **changed: Any) -> Tryton:
    """The destination, ready for use."""
    settings = CrmSettings.from_config({**settings_for(crm), **changed})
    destination = Tryton(settings, _HASTY)
    destination.open(NO_CONNECTION)
    return destination


class PartyScenarios:
    """How customers come, change and go."""

    def test_a_new_customer_arrives_but_is_not_mailed(self, crm: Any) -> None:
        (outcome,) = opened(crm).upsert([contact("ada", ADA, given_name="Ada")])
        assert outcome.state == "done"
        assert outcome.remote_id
        assert crm.fields_of(ADA) == {"given_name": "Ada", "email": ADA}
        assert crm.mailable() == set()

    def test_what_was_written_can_be_looked_up(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, given_name="Ada")])
        destination.grant([grant("ada", ADA)])
        seen, nobody = destination.look_up([person("ada"), person("nobody")])
        assert nobody is None
        assert seen is not None
        assert seen.fields == {"given_name": "Ada", "email": ADA}
        assert seen.subscribed == {"email"}
        assert seen.lists == {settings_for(crm)["lists"]["*"]}

    def test_a_name_of_any_script_survives(self, crm: Any) -> None:
        names = ["عائشة 🧵", "Łukasz", "さくら"]
        people = [contact(str(i), f"n{i}@s.example", given_name=n) for i, n in enumerate(names)]
        opened(crm).upsert(people)
        assert [crm.fields_of(f"n{i}@s.example")["given_name"] for i in range(3)] == names

    def test_an_unchanged_customer_is_not_written_again(self, crm: Any) -> None:
        destination = opened(crm)
        ada = contact("ada", ADA, given_name="Ada")
        destination.upsert([ada])
        before = destination.calls
        assert states(destination.upsert([ada])) == ["done"]
        assert destination.calls - before == 3  # it only looked

    def test_a_changed_address_takes_the_place_of_the_old_one_which_is_not_mailed_any_more(
        self, crm: Any
    ) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, given_name="Ada")])
        destination.grant([grant("ada", ADA)])
        destination.upsert([contact("ada", "ada@new.example", given_name="Ada L")])
        assert crm.known() == {"ada@new.example"}
        assert crm.mailable() == set()
        assert crm.fields_of("ada@new.example")["given_name"] == "Ada L"

    def test_an_address_that_somebody_else_still_has_stays_subscribed(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA), contact("bob", ADA)])
        destination.grant([grant("bob", ADA)])
        destination.upsert([contact("ada", "ada@new.example")])
        assert crm.mailable() == {("email", ADA)}

    def test_a_party_typed_in_by_hand_is_not_touched(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds(ADA)
        assert states(destination.upsert([contact("ada", ADA, given_name="Ada")])) == ["done"]
        assert crm.counts()["contacts"] == 2

    def test_a_party_that_staff_replaced_is_followed(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA), contact("ada2", "ada2@s.example")])
        crm.staff_replaces("corner:ada", by="corner:ada2")
        destination.upsert([contact("ada", "newest@s.example", given_name="Ada")])
        assert crm.counts()["contacts"] == 2
        assert crm.fields_of("newest@s.example")["given_name"] == "Ada"

    def test_a_customer_whom_staff_archived_comes_back(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, given_name="Ada")])
        crm.staff_archives("corner:ada")
        changed = contact("ada", "new@s.example", given_name="Ada L")
        assert states(destination.upsert([changed])) == ["done"]
        assert crm.fields_of("new@s.example")["given_name"] == "Ada L"
        crm.staff_archives("corner:ada")
        assert states(destination.upsert([blanked("ada", ADA, "given_name")])) == ["done"]
        assert crm.fields_of("new@s.example") == {"email": "new@s.example"}

    def test_one_refused_customer_costs_nobody_else_anything(self, crm: Any) -> None:
        destination = opened(crm)
        crm.forbid_name("Forbidden")
        people = [contact(str(i), f"n{i}@s.example", given_name="Fine") for i in range(5)]
        people[3] = contact("bad", "bad@s.example", given_name="Forbidden")
        outcomes = destination.upsert(people)
        assert states(outcomes) == ["done", "done", "done", "refused", "done"]
        assert "Forbidden" not in outcomes[3].reason
        assert crm.known() == {f"n{i}@s.example" for i in (0, 1, 2, 4)}
        worse = [contact(str(i), f"n{i}@s.example", given_name="Better") for i in range(3)]
        worse[1] = contact("1", "n1@s.example", given_name="Forbidden")
        assert states(destination.upsert(worse)) == ["done", "refused", "done"]
        assert crm.fields_of("n2@s.example")["given_name"] == "Better"

    def test_blanking_forgets_the_name_and_creates_nobody(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, given_name="Ada")])
        gone = [blanked("ada", ADA, "given_name"), blanked("bob", BOB, "given_name")]
        assert states(destination.upsert(gone)) == ["done", "done"]
        assert crm.fields_of(ADA) == {"email": ADA}
        assert crm.known() == {ADA}

    def test_the_erased_are_gone_and_stay_gone_when_others_are_written(self, crm: Any) -> None:
        destination = opened(crm)
        people = [contact("ada", ADA, given_name="Ada"), contact("bob", BOB)]
        destination.upsert(people)
        destination.grant([grant("ada", ADA), grant("bob", BOB)])
        destination.send_orders([order("ada", "o1", 250)])
        destination.send_cues([cue("ada", ADA)])
        gone = destination.erase([person("ada", ADA), person("never", "no@x.example")])
        assert states(gone) == ["done", "done"]
        destination.upsert(people[1:])
        assert crm.known() == {BOB}
        assert crm.mailable() == {("email", BOB)}
        assert crm.counts() == {"contacts": 1, "orders": 0, "events": 0, "cues": 0}

    def test_erasing_finds_a_party_typed_in_by_hand_in_any_case(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds("Ada@Shopper.example")
        assert states(destination.erase([person("", ADA)])) == ["done"]
        assert crm.known() == set()
        assert crm.mailable() == set()

    def test_a_customer_whose_sale_has_to_stay_is_emptied(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA, given_name="Ada")])
        destination.send_orders([order("ada", "o1", 250)])
        destination.send_cues([cue("ada", ADA)])
        crm.staff_confirms("corner:o1")
        assert states(destination.erase([person("ada", ADA)])) == ["done"]
        assert crm.known() == set()
        assert crm.counts() == {"contacts": 1, "orders": 1, "events": 0, "cues": 0}
        (seen,) = destination.look_up([person("ada")])
        assert seen is not None
        assert seen.fields == {}


class ConsentScenarios:
    """Who is mailed."""

    def test_a_grant_subscribes_a_withdrawal_ends_it_and_a_later_grant_subscribes_again(
        self, crm: Any
    ) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        assert states(destination.grant([grant("ada", ADA)])) == ["done"]
        assert crm.mailable() == {("email", ADA)}
        assert states(destination.withdraw([withdrawal("ada", ADA)])) == ["done"]
        assert crm.mailable() == set()
        assert destination.read_opt_outs(None).found == []  # nobody told Tryton
        assert states(destination.grant([grant("ada", ADA)])) == ["done"]
        assert crm.mailable() == {("email", ADA)}

    def test_withdrawing_reaches_every_list_and_creates_nobody(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds("Ada@Shopper.example")
        closing = [withdrawal("", ADA), withdrawal("", BOB)]
        assert states(destination.withdraw(closing)) == ["done", "done"]
        assert crm.mailable() == set()
        assert crm.counts()["contacts"] == 1

    def test_an_address_of_an_international_domain_is_found_in_letters(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds("ada@bücher.example")
        destination.withdraw([withdrawal("", "ada@xn--bcher-kva.example")])
        assert crm.mailable() == set()

    def test_who_unsubscribed_is_read_back_even_if_we_never_sent_them(self, crm: Any) -> None:
        destination = opened(crm)
        crm.owner_adds(BOB)
        crm.person_opts_out("email", BOB)
        crm.asks_to_subscribe("pending@s.example")  # has yet to confirm: no opt-out
        found, cursor = destination.read_opt_outs(None)
        assert [(each.channel, each.address) for each in found] == [("email", BOB)]
        assert found[0].at is not None
        assert cursor is not None
        again = destination.read_opt_outs(cursor)
        assert [each.address for each in again.found] == [BOB]  # inclusive
        assert again.cursor == cursor

    def test_an_unsubscription_outranks_an_older_yes_and_a_later_yes_outranks_it(
        self, crm: Any
    ) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        destination.grant([grant("ada", ADA)])
        crm.person_opts_out("email", ADA)
        yesterday = datetime.now(timezone.utc) - timedelta(days=1)
        (old,) = destination.grant([grant("ada", ADA, given_at=yesterday)])
        assert old.state == "opted_out"
        destination.withdraw([withdrawal("ada", ADA)])
        assert crm.mailable() == set()
        assert crm.opted_out() == {("email", ADA)}
        assert states(destination.grant([grant("ada", ADA)])) == ["done"]
        assert crm.mailable() == {("email", ADA)}

    def test_who_has_yet_to_confirm_is_subscribed_by_a_yes_in_the_shop(self, crm: Any) -> None:
        destination = opened(crm)
        crm.asks_to_subscribe(ADA)
        assert states(destination.grant([grant("ada", ADA)])) == ["done"]
        assert crm.mailable() == {("email", ADA)}

    def test_nobody_joins_a_list_who_is_not_on_that_of_everybody(self, crm: Any) -> None:
        destination = opened(crm)
        loyal = settings_for(crm)["lists"]["loyal"]
        destination.upsert([contact("ada", ADA)])
        assert states(destination.set_memberships([membership("ada", ADA, loyal)])) == ["refused"]
        assert crm.mailable() == set()

    def test_lists_are_joined_and_left(self, crm: Any) -> None:
        destination = opened(crm)
        everybody, loyal = settings_for(crm)["lists"].values()
        destination.grant([grant("ada", ADA), grant("bob", BOB)])
        both = [membership("ada", ADA, everybody), membership("ada", ADA, loyal)]
        both += [membership("bob", BOB, loyal)]
        assert states(destination.set_memberships(both)) == ["done"] * 3
        assert crm.members() == {everybody: {ADA, BOB}, loyal: {ADA, BOB}}
        left = [membership("ada", ADA, loyal, is_member=False)]
        assert states(destination.set_memberships(left)) == ["done"]
        assert crm.members()[loyal] == {BOB}
        assert destination.read_opt_outs(None).found == []
        crm.person_opts_out("email", BOB)
        assert states(destination.set_memberships(both[2:])) == ["opted_out"]
