"""The register itself: a memory and a clock that moves only when it is told to."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from msgspec import structs

from practice_register.archive import INDEX, Memory
from practice_register.errors import RegisterError
from practice_register.faults import FaultBox, parse_faults
from practice_register.state import State, write_state
from practice_register.timeline import DAY, HOUR, day_text
from practice_register.view import View

if TYPE_CHECKING:
    from pathlib import Path


class Register:
    """A register that is open: whoever serves or counts it looks at `view`."""

    def __init__(self, folder: Path, state: State) -> None:
        """Open the register in `folder`, making its data first where that is missing.

        Raises:
            RegisterError: if the data cannot be made or read.
        """
        self.folder = folder
        self.state = state
        self.memory = open_memory(folder, state)
        self.view = View(self.memory, state.clock)
        self.faults = FaultBox(parse_faults(state.faults))
        self._lock = threading.Lock()

    def advance(self, span: int) -> int:
        """Let `span` milliseconds pass, remember it, and return the new clock.

        Raises:
            RegisterError: if the data does not reach that far.
        """
        with self._lock:
            clock = advanced(self.state, self.memory.index.ends, span)
            self._keep(structs.replace(self.state, clock=clock))
            self.view = View(self.memory, clock)
            return clock

    def set_faults(self, text: str) -> None:
        """Fail requests by another plan from now on.

        Raises:
            UsageError: if the plan makes no sense.
        """
        plan = parse_faults(text)
        with self._lock:
            self._keep(structs.replace(self.state, faults=text))
            self.faults.replace(plan)

    def _keep(self, state: State) -> None:
        write_state(self.folder, state)
        self.state = state


def advanced(state: State, ends: int, span: int) -> int:
    """The clock after `span`.

    Raises:
        RegisterError: if the data ends before that.
    """
    if state.clock + span > ends:
        days, hours = divmod((ends - state.clock) // HOUR, DAY // HOUR)
        left = f"{days}d" if days or not hours else f"{hours}h"
        raise RegisterError(
            f"The register's data ends on {day_text(ends)} and only {left} are left: advance by "
            "less, or begin again with `practice-register reset` and `practice-register start`."
        )
    return state.clock + span


def open_memory(folder: Path, state: State) -> Memory:
    """Open the data made from the state's settings, making it first where it is missing.

    The data is made in a process of its own, so that what this takes (Arrow, Faker, some
    hundred megabytes) is gone before the first request is answered.

    Raises:
        RegisterError: if the data cannot be made or read.
    """
    place = state.data_folder(folder)
    if not (place / INDEX).exists():
        settings = state.settings
        recipe = [settings.households, settings.seed, settings.locations, state.first_day]
        done = subprocess.run(
            [sys.executable, "-m", "practice_register.shop", str(place), *map(str, recipe)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            reason = said[-1] if said else f"exit code {done.returncode}"
            raise RegisterError(reason if reason.endswith(".") else _unmade(place, reason))
    return Memory(place)


def _unmade(place: Path, reason: str) -> str:
    return (
        f"The register's data in {place} could not be made ({reason}): "
        "run `practice-register reset` and start it again."
    )
