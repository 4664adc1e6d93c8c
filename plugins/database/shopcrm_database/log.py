"""Reading the reason out of what PostgreSQL wrote before it gave up."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shopcrm_database.folder import DataFolder

_MESSAGE = re.compile(r"\b(PANIC|FATAL|ERROR|error|fatal|LOG|WARNING): +(.+)$")
# Ordered: the first kind found is the reason. A port that is taken, or a full disk, shows
# in a line before the FATAL one, which then only says that nothing is left to do.
_TELLING = ("could not bind", "No space left", "Read-only file system", "Permission denied")
_GRAVE = ("PANIC", "FATAL", "fatal", "ERROR", "error")


@dataclass(frozen=True)
class LogMark:
    """Where the logs ended at one moment, so that an older failure is not taken for a new one."""

    folder: DataFolder
    sizes: Mapping[Path, int]

    @classmethod
    def now(cls, folder: DataFolder) -> LogMark:
        """The end of every log of `folder`; the start log is begun anew."""
        os.close(os.open(folder.start_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        return cls(folder, {path: path.stat().st_size for path in folder.cluster.glob("log/*.log")})

    def written_since(self) -> tuple[str, Path]:
        """What was logged after the mark, and the file that its end is in."""
        parts = [(self.folder.start_log, _read(self.folder.start_log, 0))]
        logs = sorted(self.folder.cluster.glob("log/*.log"))
        parts += [(path, _read(path, self.sizes.get(path, 0))) for path in logs]
        told = [(path, text) for path, text in parts if text.strip()]
        file = told[-1][0] if told else self.folder.start_log
        return "\n".join(text for _, text in told), file


def reason(text: str) -> str:
    r"""The line of a program's output that tells why it failed, without its time stamp.

    >>> reason("LOG:  starting\nFATAL:  data directory has wrong ownership\nHINT:  none")
    'data directory has wrong ownership'
    """
    lines = [line for line in text.splitlines() if line.strip()]
    for telling in _TELLING:
        for line in reversed(lines):
            if telling in line:
                return _message(line)
    for line in reversed(lines):
        found = _MESSAGE.search(line)
        if found and found.group(1) in _GRAVE:
            return found.group(2).rstrip(".")
    return _message(lines[-1]) if lines else "it gave no reason"


def _message(line: str) -> str:
    found = _MESSAGE.search(line)
    return (found.group(2) if found else line).strip().rstrip(".")


def _read(path: Path, start: int) -> str:
    try:
        with path.open("rb") as file:
            # A log that was begun anew since the mark is shorter than it.
            file.seek(start if start <= path.stat().st_size else 0)
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
