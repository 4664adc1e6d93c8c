"""A freeze: the shop wants quiet, and only erasures and withdrawals go out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from target_shopcrm.cli import main
from told_file import ToldFile, actions, clock_says, email

if TYPE_CHECKING:
    from conftest import Shop, Singer

CHRISTMAS = datetime(2026, 12, 25, 15, 0, tzinfo=timezone.utc)
AFTER = CHRISTMAS + timedelta(days=3)


@pytest.fixture
def file(shop: Shop, singer: Singer, monkeypatch: pytest.MonkeyPatch) -> ToldFile:
    """Persons 0 and 1 are in the file; then it is Christmas."""
    file = ToldFile(shop, singer)
    file.policy(
        frequency_caps={"email": ["900 in 1 day"]},
        freeze_windows={"christmas": {"from": "12-24", "to": "12-26"}},
    )
    file.agree(0, 1, 2)
    clock_says(monkeypatch, CHRISTMAS - timedelta(days=5))
    file.tell(file.contact(0), file.contact(1))
    clock_says(monkeypatch, CHRISTMAS)
    return file


def news(file: ToldFile) -> list[str]:
    return [
        file.contact(1, journey="win_back"),
        file.contact(2),
        file.order(1),
        file.event(1),
        file.cue(1),
    ]


def test_only_withdrawals_go_out_and_no_state_moves_on(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.refuse(0)
    assert actions(file.tell(*news(file))) == ["withdraw k0", "forget k0"]
    assert file.states == []
    assert file.held_back() == {"freeze_window": 5}
    clock_says(monkeypatch, AFTER)
    lines = file.tell(*news(file))
    assert actions(lines) == ["upsert k1", "upsert k2", "send o1", "send e1", "send q1"]
    assert file.states == [{"told": 5}]


def test_erasures_go_out(file: ToldFile) -> None:
    erased = CliRunner().invoke(
        main,
        ["erase", "--email", email(0), "--shop", "corner", "--yes"],
        env={"DATABASE_URL": file.shop.url},
    )
    assert erased.exit_code == 0, erased.output
    assert file.tell(file.contact(1, journey="win_back"))[0]["action"] == "erase"
    assert file.states == []


def test_what_was_waiting_when_the_freeze_began_is_still_there_after_it(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tap doesn't bring it again: its STATE went out long ago."""
    clock_says(monkeypatch, CHRISTMAS - timedelta(days=4))
    file.tell(file.event(2), file.order(2))
    assert len(file.waiting()) == 2
    clock_says(monkeypatch, CHRISTMAS)
    assert file.tell() == []
    assert len(file.waiting()) == 2
    clock_says(monkeypatch, AFTER)
    assert actions(file.tell(file.contact(2))) == ["upsert k2", "send o2", "send e2"]


def test_a_dead_letter_that_was_put_back_survives_the_freeze(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_says(monkeypatch, CHRISTMAS - timedelta(days=4))
    file.tell(file.contact(2, visits="two"))
    file.shop.ask(
        "UPDATE sync.dead_letters SET replay_requested_at = now(),"
        " record = convert_to(replace(convert_from(record, 'UTF8'), '\"two\"', '2'), 'UTF8')"
    )
    clock_says(monkeypatch, CHRISTMAS)
    assert file.tell() == []
    assert file.shop.one("SELECT count(*) FROM sync.dead_letters") == 1, "nothing is lost"
    clock_says(monkeypatch, AFTER)
    file.shop.ask("UPDATE sync.dead_letters SET replay_requested_at = now()")
    assert actions(file.tell()) == ["upsert k2"]
    assert file.shop.one("SELECT count(*) FROM sync.dead_letters") == 0


def test_another_shop_goes_on(file: ToldFile, singer: Singer) -> None:
    file.policy(freeze_windows={})
    policy = file.shop.folder / "policy.yml"
    assert "harbour" in policy.read_text()
    file.agree(3, shop_id="harbour")
    file.policy(freeze_windows={"one_night": {"from": "2026-12-25", "to": "2026-12-25"}})
    there = singer.record("activation-contacts", "k3", "harbour", email=email(3))
    assert actions(file.tell(there, file.contact(1, journey="x"))) == []
    assert file.states == []
