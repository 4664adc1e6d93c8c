"""What a register remembers between runs: its settings, its clock and how to reach it."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from datetime import date, datetime, timezone
from pathlib import Path

import msgspec

from practice_register.errors import RegisterError
from practice_register.timeline import timeline

FORMAT = 1
"""Part of every data folder's name: raised whenever the made data changes."""

STATE_FILE = "register.json"
HOUSEHOLDS_IN_DATA = 2469
MOST_LOCATIONS = 25


class Settings(msgspec.Struct, frozen=True):
    """What the register's data is made from, apart from the day on which it was first started."""

    households: int = 300
    seed: int = 1
    locations: int = 2


class State(msgspec.Struct, frozen=True):
    """Everything in the state file; `clock` in milliseconds, `port` 0 until one was chosen."""

    settings: Settings
    first_day: date
    clock: int
    token: str
    port: int = 0
    faults: str = ""

    def data_folder(self, folder: Path) -> Path:
        """Where the data made from these settings lies."""
        recipe = msgspec.json.encode((FORMAT, self.settings, self.first_day))
        return folder / f"data-{hashlib.blake2b(recipe, digest_size=8).hexdigest()}"


def new_state(settings: Settings, today: date | None = None, *, port: int = 0) -> State:
    """A register that was never started: its clock stands at this morning, 05:00 UTC."""
    first_day = today or datetime.now(timezone.utc).date()
    return State(
        settings=settings,
        first_day=first_day,
        clock=timeline(first_day).opens,
        token="practice-" + secrets.token_urlsafe(24),
        port=port,
    )


def read_state(folder: Path) -> State | None:
    """Read the state file; None where no register was started yet.

    Raises:
        RegisterError: if there is one that cannot be read.
    """
    path = folder / STATE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RegisterError(
            f"The register's state {path} cannot be read ({error.strerror}): "
            "allow it or choose another --folder."
        ) from error
    except msgspec.MsgspecError as error:
        raise RegisterError(
            f"The register's state {path} is damaged: "
            "remove it with `practice-register reset` and start again."
        ) from error


def write_state(folder: Path, state: State) -> None:
    """Replace the state file in one step; only its owner can read it, for it holds the token.

    Raises:
        RegisterError: if the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".state-", dir=folder)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(folder / STATE_FILE)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RegisterError(
            f"The register's state cannot be written to {folder} ({error.strerror}): "
            "free some space or choose another --folder."
        ) from error


def forget(folder: Path) -> None:
    """Remove all that a register keeps in `folder`, and nothing else."""
    for path in folder.glob("data-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".building-*"):
        shutil.rmtree(path, ignore_errors=True)
    for name in (STATE_FILE, "server.json", "server.log"):
        (folder / name).unlink(missing_ok=True)
