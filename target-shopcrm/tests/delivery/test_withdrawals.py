"""Withdrawals that fail: they cost the person everything else, and nobody else anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.errors import CrmUnavailableError
from told_file import ToldFile, actions, email, let_it_be_moody

if TYPE_CHECKING:
    from conftest import Shop, Singer

REFUSED = Outcome("refused", reason="try later")


@pytest.fixture
def file(shop: Shop, singer: Singer) -> ToldFile:
    """Persons 0 to 2 are in the file; then 0 and 1 say no to the shop."""
    file = ToldFile(shop, singer)
    file.policy(frequency_caps={"email": ["900 in 1 day"]})
    file.agree(0, 1, 2)
    file.tell(*(file.contact(n) for n in range(3)))
    file.refuse(0, 1)
    return file


def test_who_cannot_be_withdrawn_gets_nothing_else_and_all_others_do(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_it_be_moody(monkeypatch, {("withdraw", email(0)): REFUSED})
    contacts = [file.contact(n, journey="win_back") for n in range(3)]
    facts = [file.event(n) for n in range(3)]
    lines = file.tell(*contacts, *facts)
    assert actions(lines) == ["withdraw k1", "forget k1", "upsert k2", "send e2"]
    assert file.states, "what waits is kept here, so the tap may go on"
    let_it_be_moody(monkeypatch, {})
    assert actions(file.tell()) == ["withdraw k0", "forget k0"]
    assert file.waiting() == []
    assert file.tell(*contacts, *facts) == []


def test_where_every_withdrawal_fails_the_run_stops_before_anything_else(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.path.read_bytes()
    let_it_be_moody(monkeypatch, {("withdraw", "*"): Outcome("uncertain")})
    with pytest.raises(CrmUnavailableError, match="None of 2 withdrawals") as caught:
        file.tell(file.contact(2, journey="win_back"), file.event(2))
    assert caught.value.exit_code == 1
    assert email(0) not in str(caught.value)
    assert file.states == []
    assert file.path.read_bytes() == before
    assert file.shop.last_run()["state"] == "failed"
    let_it_be_moody(monkeypatch, {})
    lines = file.tell(file.contact(2, journey="win_back"), file.event(2))
    assert actions(lines) == [
        "withdraw k0",
        "withdraw k1",
        "forget k0",
        "forget k1",
        "upsert k2",
        "send e2",
    ]


def test_one_that_fails_alone_stops_nobody_else(
    shop: Shop, singer: Singer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ToldFile(shop, singer)
    file.agree(0, 1)
    file.tell(file.contact(0), file.contact(1))
    file.refuse(0)
    let_it_be_moody(monkeypatch, {("withdraw", email(0)): REFUSED})
    lines = file.tell(*(file.contact(n, journey="win_back") for n in range(2)))
    assert actions(lines) == ["upsert k1"]
    assert file.states


def test_an_address_that_can_not_be_left_keeps_the_new_one_back(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.agree(5, 6)
    file.tell(file.contact(5))
    let_it_be_moody(monkeypatch, {("withdraw", email(5)): REFUSED})
    moved = [file.contact(5, email=email(6)), file.contact(2, email=email(5), journey="x")]
    assert actions(file.tell(*moved)) == ["withdraw k2"], "5's address is blocked for all"
    assert file.waiting() == [("k2", "withdrawal_failed"), ("k5", "withdrawal_failed")]
    let_it_be_moody(monkeypatch, {})
    lines = file.tell()
    assert sorted(actions(lines)) == ["upsert k2", "upsert k5", "withdraw k2", "withdraw k5"]
    assert file.tell(*moved) == []


def test_of_two_channels_only_the_one_that_was_withdrawn_goes(shop: Shop, singer: Singer) -> None:
    file = ToldFile(shop, singer)
    phone = "+12125550101"
    file.agree(0, phone=phone)
    file.tell(file.contact(0, phone=phone))
    no = singer.consent("withdrawn", channel="sms", event_time=None)
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", "c0", email=email(0), phone=phone, consents=[no]),
        ]
    )
    (withdrawal,) = file.tell()
    assert (withdrawal["action"], withdrawal["address"]) == ("withdraw", phone)
    (again,) = file.tell(file.contact(0, phone=phone))
    assert again["channels"] == ["email"]
    assert "phone" not in again


def test_who_said_no_to_the_crm_on_one_channel_is_told_of_the_others_by_the_next_run(
    shop: Shop, singer: Singer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ToldFile(shop, singer)
    phone = "+12125550101"
    file.agree(0, phone=phone)
    let_it_be_moody(monkeypatch, {("upsert", email(0)): Outcome("opted_out", field="email")})
    assert file.tell(file.contact(0, phone=phone)) == []
    let_it_be_moody(monkeypatch, {})
    withdrawal, contact = file.tell()
    assert (withdrawal["action"], withdrawal["address"]) == ("withdraw", email(0))
    assert (contact["action"], contact["channels"]) == ("upsert", ["sms"])
    assert file.tell(file.contact(0, phone=phone)) == []
