"""Refresh tokens that change with every use: nothing is lost, whoever dies in between."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import AccessDeniedError
from tap_pos.tokens import Issued, RotatingTokens

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0

ROTATE = """
import fcntl, os, sys
from pathlib import Path
from tap_pos.errors import AccessDeniedError
from tap_pos.tokens import Issued, RotatingTokens

folder, rounds = Path(sys.argv[1]), int(sys.argv[2])

def exchange(token):
    # The vendor: knows one refresh token, and forgets it as it issues the next.
    with open(folder / "vendor.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = (folder / "vendor").read_text()
        if token != known:
            raise AccessDeniedError("refused", ends_shop=True)
        number = int(known.split("-")[1]) + 1
        (folder / "vendor.new").write_text(f"refresh-{number}")
        os.replace(folder / "vendor.new", folder / "vendor")
    return Issued(f"access-{number}", f"refresh-{number}", 86400)

tokens = RotatingTokens("tea", folder / "tokens.json", "refresh-0", exchange)
print("ready", flush=True)
for _ in range(rounds):
    if rounds == 1:
        tokens.access_token()
    else:
        tokens.renewed(tokens.access_token())
"""


class Issuer:
    """A vendor that knows one refresh token at a time."""

    def __init__(self, current: str = "refresh-0", expires_in: float = DAY) -> None:
        self.current = current
        self.count = 0
        self.expires_in = expires_in
        self.dies = False

    def __call__(self, refresh_token: str) -> Issued:
        """Trade a refresh token for a new pair."""
        if refresh_token != self.current:
            raise AccessDeniedError("The vendor refuses the refresh token.", ends_shop=True)
        self.count += 1
        self.current = f"refresh-{self.count}"
        if self.dies:
            raise SystemExit
        time.sleep(0.01)
        return Issued(f"access-{self.count}", self.current, self.expires_in)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def tokens(file: Path, issuer: Issuer, first: str = "refresh-0", **more: Any) -> RotatingTokens:
    return RotatingTokens("tea", file, first, issuer, **more)


def content(file: Path) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(file.read_bytes())
    return kept


def beside(file: Path) -> Path:
    """Where a pair is written before it is put in place."""
    return file.with_name(f".{file.name}.new")


def test_a_pair_is_kept_for_its_owner_only_and_used_by_the_next_run(file: Path) -> None:
    issuer = Issuer()
    assert tokens(file, issuer).access_token() == "access-1"
    assert file.stat().st_mode & 0o777 == 0o600
    assert content(file)["refresh_token"] == "refresh-1"
    assert "refresh-0" not in file.read_text()
    assert tokens(file, issuer).access_token() == "access-1"
    assert issuer.count == 1


def test_an_access_token_about_to_expire_is_renewed(file: Path) -> None:
    issuer, now = Issuer(), [1000.0]
    kept = tokens(file, issuer, clock=lambda: now[0])
    assert kept.access_token() == "access-1"
    now[0] += DAY - 600
    assert kept.access_token() == "access-1"
    now[0] += 400
    assert kept.access_token() == "access-2"


def test_a_refused_access_token_is_renewed_once_for_all_threads(file: Path) -> None:
    issuer = Issuer()
    shared = tokens(file, issuer)
    refused = shared.access_token()
    given: list[str] = []

    def renew(holder: RotatingTokens) -> None:
        given.append(holder.renewed(refused))

    # Half of them share one object, half have their own, as several shops or runs would.
    holders = [shared if n % 2 else tokens(file, issuer) for n in range(12)]
    threads = [threading.Thread(target=renew, args=(holder,)) for holder in holders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == ["access-2"] * 12
    assert issuer.count == 2


def test_processes_that_start_together_refresh_once(tmp_path: Path) -> None:
    (tmp_path / "vendor").write_text("refresh-0")
    started = [rotating(tmp_path, 1) for _ in range(4)]
    assert [ended(process) for process in started] == [0] * 4
    assert (tmp_path / "vendor").read_text() == "refresh-1"


def test_processes_that_renew_without_end_never_lose_the_pair(tmp_path: Path) -> None:
    (tmp_path / "vendor").write_text("refresh-0")
    started = [rotating(tmp_path, 20) for _ in range(3)]
    assert [ended(process) for process in started] == [0] * 3
    kept = content(tmp_path / "tokens.json")
    assert kept["refresh_token"] == (tmp_path / "vendor").read_text()


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.long)])
def test_a_process_killed_at_any_moment_leaves_a_whole_pair(tmp_path: Path, kills: int) -> None:
    file, vendor, lost = tmp_path / "tokens.json", tmp_path / "vendor", 0
    vendor.write_text("refresh-0")
    for seed in range(kills):
        process = rotating(tmp_path, 10_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.02))  # noqa: S311 - a moment, no secret
        process.kill()
        process.wait(20)
        process.stdout.close()
        if file.exists():
            kept = content(file)
            assert kept["access_token"].split("-")[1] == kept["refresh_token"].split("-")[1]
        issuer = Issuer(vendor.read_text())
        issuer.count = int(issuer.current.split("-")[1])
        trouble = ""
        try:
            tokens(file, issuer).renewed("whatever was in use")
        except AccessDeniedError as error:
            trouble = str(error)
        if trouble:
            # Killed between the vendor's answer and the disk: that can't be undone, but told.
            assert "broke off before its answer was kept" in trouble
            lost += 1
            file.unlink(missing_ok=True)
            issuer.current, issuer.count = "refresh-0", 0
        vendor.write_text(issuer.current)
    assert lost < kills


def rotating(folder: Path, rounds: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", ROTATE, str(folder), str(rounds)], stdout=subprocess.PIPE
    )


def ended(process: subprocess.Popen[bytes]) -> int:
    process.communicate(timeout=20)
    return process.returncode


def test_dying_with_the_answer_in_hand_is_told_with_the_next_refusal(file: Path) -> None:
    issuer = Issuer()
    tokens(file, issuer).access_token()
    issuer.dies = True
    with pytest.raises(SystemExit):
        tokens(file, issuer).renewed("access-1")
    assert content(file)["refresh_token"] == "refresh-1"
    with pytest.raises(AccessDeniedError, match="broke off before its answer was kept"):
        tokens(file, issuer).renewed("access-1")


def test_a_plain_refusal_is_told_plainly(file: Path) -> None:
    with pytest.raises(AccessDeniedError, match=r"^The vendor refuses the refresh token\.$"):
        tokens(file, Issuer("another")).access_token()
    assert not beside(file).exists()


def test_a_whole_pair_that_was_not_yet_in_place_is_put_there(file: Path) -> None:
    issuer = Issuer()
    tokens(file, issuer).access_token()
    newer = content(file) | {"access_token": "access-9", "refresh_token": "refresh-9"}
    beside(file).write_bytes(json.dumps(newer).encode() + bytes(100))
    assert tokens(file, issuer).access_token() == "access-9"
    assert content(file)["refresh_token"] == "refresh-9"
    assert not beside(file).exists()


@pytest.mark.parametrize("size", [0, 1, 40, 150])
def test_half_a_pair_beside_the_file_counts_for_nothing(file: Path, size: int) -> None:
    issuer = Issuer()
    tokens(file, issuer).access_token()
    beside(file).write_bytes(file.read_bytes()[:size] + bytes(4096 - size))
    assert tokens(file, issuer).access_token() == "access-1"
    assert tokens(file, issuer).renewed("access-1") == "access-2"


def test_the_file_wins_over_the_setting_it_descends_from(file: Path) -> None:
    issuer = Issuer()
    for number in range(1, 4):
        assert tokens(file, issuer).renewed(f"access-{number - 1}") == f"access-{number}"


def test_a_changed_setting_starts_over(file: Path) -> None:
    tokens(file, Issuer()).access_token()
    again = Issuer("authorised-again")
    assert tokens(file, again, first="authorised-again").access_token() == "access-1"
    assert content(file)["refresh_token"] == "refresh-1"


def test_two_shops_cannot_share_a_file(file: Path) -> None:
    tokens(file, Issuer()).access_token()
    with pytest.raises(AccessDeniedError, match="already belongs to shop 'tea'"):
        RotatingTokens("coffee", file, "other", Issuer("other")).access_token()
    # Nor may it take over what the first one had no time to put in place.
    file.rename(beside(file))
    with pytest.raises(AccessDeniedError, match="already belongs to shop 'tea'"):
        RotatingTokens("coffee", file, "other", Issuer("other")).access_token()
    assert tokens(file, Issuer("refresh-1")).access_token() == "access-1"


def test_a_file_of_something_else_is_left_alone(file: Path) -> None:
    file.write_text("shopping list: tea")
    with pytest.raises(AccessDeniedError, match="this tap did not write") as caught:
        tokens(file, Issuer()).access_token()
    assert "shopping" not in str(caught.value)
    assert file.read_text() == "shopping list: tea"


def test_an_empty_file_is_as_good_as_none(file: Path) -> None:
    file.touch()
    assert tokens(file, Issuer()).access_token() == "access-1"


@pytest.mark.parametrize("place", ["missing/tokens.json", "folder"])
def test_a_place_that_cannot_be_written_to_is_noticed_before_anything_is_revoked(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    issuer = Issuer()
    with pytest.raises(AccessDeniedError, match="token_file can't be kept there"):
        tokens(tmp_path / place, issuer).access_token()
    assert issuer.count == 0


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    tokens(link, Issuer()).access_token()
    assert link.is_symlink()
    assert link.samefile(real)
    assert content(real)["access_token"] == "access-1"


def test_no_printed_form_shows_a_token() -> None:
    assert "secret" not in repr(Issued("secret-a", "secret-r", 1.0))
