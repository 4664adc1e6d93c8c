"""What holds for every CRM, told the way its users run it: the target over its fake's HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crm_fakes.pilot import Pilot

ADA = {"email": "ada@example.com", "phone": "+12125550101"}
BEA = {"email": "bea@example.com", "phone": "+12125550102"}
CID = {"email": "cid@example.com", "phone": "+12125550103"}
SEGMENT = {"segment": "loyal", "visits": 12, "favourite_category": "Kitchen"}
LATER = "2026-11-21T10:00:00Z"


def everybody(pilot: Pilot) -> list[str]:
    """Ada agreed, Bea was never asked, Cid said no."""
    return [
        pilot.agrees("c1", **ADA),
        pilot.singer.record("customers", "c2", **BEA),
        pilot.refuses("c3", **CID),
    ]


def contacts(pilot: Pilot, **more: Any) -> list[str]:
    """All three as dbt publishes them, asked for or not: the gate decides."""
    return [
        pilot.contact("k1", given_name="Ada", **ADA, **SEGMENT, **more),
        pilot.contact("k2", given_name="Bea", **BEA, **SEGMENT, **more),
        pilot.contact("k3", given_name="Cid", **CID, **SEGMENT, **more),
    ]


def mailable(pilot: Pilot) -> set[str]:
    return {address for _, address in pilot.fake.mailable()}


def test_only_who_agreed_is_known_and_can_be_written_to(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    outcome = pilot.tell(*contacts(pilot))
    assert outcome.states == [{"told": 3}]
    assert mailable(pilot) <= set(ADA.values())
    assert mailable(pilot), "somebody can be written to"
    assert not {BEA["email"], BEA["phone"]} & pilot.fake.known()
    assert pilot.fake.fields_of(ADA["email"])["given_name"] == "Ada"
    for members in pilot.fake.members().values():
        assert members <= set(ADA.values())
    assert pilot.shop.last_run()["dead_lettered"] == 0


def test_a_second_run_writes_nothing_and_makes_no_call_for_any_contact(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    pilot.tell(*contacts(pilot))
    written, asked = len(pilot.fake.writes), len(pilot.fake.requests)
    pilot.tell()
    empty_run = len(pilot.fake.requests) - asked
    asked = len(pilot.fake.requests)
    pilot.tell(*contacts(pilot))
    assert pilot.writes_since(written) == []
    assert len(pilot.fake.requests) - asked == empty_run, "not one call for three contacts"
    assert pilot.shop.last_run()["written"] == 0


def test_a_withdrawal_goes_out_first_and_clears_what_was_told(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    pilot.tell(*contacts(pilot))
    pilot.customers(pilot.refuses("c1", **ADA), pilot.agrees("c2", LATER, **BEA))
    position = len(pilot.fake.writes)
    pilot.tell(*contacts(pilot, journey="win_back"))
    assert not set(ADA.values()) & mailable(pilot)
    assert mailable(pilot) <= set(BEA.values())
    for members in pilot.fake.members().values():
        assert not members & set(ADA.values())
    kinds = [write.split()[0] for write in pilot.writes_since(position)]
    first_other = next(i for i, kind in enumerate(kinds) if kind not in {"withdraw", "erase"})
    assert "withdraw" in kinds[:first_other]
    assert "withdraw" not in kinds[first_other:]
    assert "segment" not in pilot.fake.fields_of(ADA["email"])


def test_a_withdrawal_needs_no_input_at_all(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    pilot.tell(*contacts(pilot))
    pilot.customers(pilot.refuses("c1", **ADA))
    pilot.tell()
    assert mailable(pilot) == set()


def test_who_was_typed_in_by_hand_and_said_no_to_the_shop_is_withdrawn(pilot: Pilot) -> None:
    pilot.fake.owner_adds(CID["email"])
    if ("email", CID["email"]) not in pilot.fake.mailable():
        pytest.skip("nobody can be subscribed by hand there")
    pilot.customers(*everybody(pilot))
    pilot.tell()
    assert CID["email"] not in mailable(pilot)


def test_who_unsubscribes_in_the_crm_is_not_written_to_again(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    pilot.tell(*contacts(pilot))
    if ("email", ADA["email"]) not in pilot.fake.mailable():
        pytest.skip("no e-mails are sent from there")
    pilot.fake.person_opts_out("email", ADA["email"])
    if not pilot.fake.opted_out():
        pytest.skip("it keeps no opt-outs of its own")
    pilot.tell(*contacts(pilot, journey="thank_you"))
    assert ("email", ADA["email"]) not in pilot.fake.mailable()
    reasons = pilot.shop.ask(
        "SELECT reason FROM consent.verdicts WHERE channel = 'email' AND purpose = 'marketing'"
        " AND address = %s",
        ADA["email"],
    )
    assert reasons == [("withdrawn",)]
    pilot.tell(*contacts(pilot, journey="win_back"))
    assert ("email", ADA["email"]) not in pilot.fake.mailable()


def test_an_address_that_changed_is_not_written_to_any_more(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    pilot.tell(*contacts(pilot))
    new = {"email": "ada.new@example.com", "phone": ADA["phone"]}
    pilot.customers(pilot.agrees("c9", LATER, **new))
    pilot.tell(pilot.contact("k1", given_name="Ada", **new, **SEGMENT))
    assert ADA["email"] not in mailable(pilot)


def test_orders_events_and_cues_are_of_contacts_only_and_go_once(pilot: Pilot) -> None:
    now = datetime.now(timezone.utc).isoformat()
    pilot.customers(*everybody(pilot))
    facts = [
        *(pilot.order(f"o{n}", f"k{n}", **who) for n, who in enumerate((ADA, BEA, CID), 1)),
        *(
            pilot.event(f"e{n}", f"k{n}", occurred_at=now, **who)
            for n, who in enumerate((ADA, BEA, CID), 1)
        ),
        *(pilot.cue(f"q{n}", f"k{n}", **who) for n, who in enumerate((ADA, BEA, CID), 1)),
    ]
    pilot.tell(*facts)
    assert pilot.fake.counts()["contacts"] <= 1, "an order makes nobody a contact"
    pilot.tell(*contacts(pilot))
    counts = pilot.fake.counts()
    assert counts["orders"] <= 1
    assert counts["events"] <= 1
    assert counts["cues"] <= 1
    assert {address for _, address in pilot.fake.triggered()} <= set(ADA.values())
    assert not set(BEA.values()) & pilot.fake.known()
    position = len(pilot.fake.writes)
    pilot.tell(*facts, *contacts(pilot))
    assert pilot.writes_since(position) == []
    assert pilot.fake.counts() == counts


def test_history_triggers_nothing(pilot: Pilot) -> None:
    long_ago = (datetime.now(timezone.utc) - timedelta(days=900)).isoformat()
    pilot.customers(*everybody(pilot))
    pilot.tell(
        *contacts(pilot),
        *(pilot.order(f"o{n}", "k1", placed_at=long_ago, **ADA) for n in range(20)),
        *(pilot.event(f"e{n}", "k1", occurred_at=long_ago, **ADA) for n in range(5)),
    )
    assert pilot.fake.triggered() == []


def test_one_bad_contact_costs_nobody_else_anything(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    bad = pilot.contact("k9", visits="twelve", **ADA)
    outcome = pilot.tell(*contacts(pilot), bad)
    assert outcome.states == [{"told": 4}]
    assert mailable(pilot) <= set(ADA.values())
    assert mailable(pilot)
    assert pilot.shop.ask("SELECT field FROM sync.dead_letters") == [("visits",)]


def test_shadow_mode_writes_nothing_and_says_what_live_would(pilot: Pilot) -> None:
    pilot.customers(*everybody(pilot))
    pilot.tell(*contacts(pilot), mode="shadow")
    assert pilot.fake.writes == []
    assert pilot.fake.counts()["contacts"] == 0
    rows = pilot.shop.ask(
        "SELECT key, verdict FROM sync.shadow WHERE field = 'given_name' ORDER BY key"
    )
    assert rows == [("k1", "new"), ("k2", "withheld"), ("k3", "withheld")]
    pilot.tell(*contacts(pilot))
    pilot.tell(*contacts(pilot), mode="shadow")
    assert pilot.shop.one(
        "SELECT verdict FROM sync.shadow WHERE field = 'given_name' AND key = 'k1'"
    ) in {
        "match",
        "new",
    }
