"""`kill -9` at any moment, run again: every table equals that of a history without a crash."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from practice_register.testing import running_register

from street import SAME_PEPPER, Street

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAULTS = "rate=0.08,kinds=429|500|cut|expired_cursor,seed=11"


@pytest.mark.parametrize(
    "crashes",
    [pytest.param(3, id="3 crashes"), pytest.param(25, id="25 crashes", marks=pytest.mark.long)],
)
def test_crash_anywhere_then_run_again_equals_no_crash(
    crashes: int, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    moments = random.Random(crashes)  # noqa: S311 - moments to crash at, repeatable
    with running_register(tmp_path / "register", households=20, seed=1) as register:
        calm = Street(
            tmp_path / "calm",
            register.url,
            register.token,
            new_database(),
            environment=SAME_PEPPER,
        )
        calm.folder.mkdir()
        seconds = calm.succeed().seconds
        expected = calm.tables()
        register.set_faults(FAULTS)
        for number in range(crashes):
            street = Street(
                tmp_path / f"crash-{number}",
                register.url,
                register.token,
                new_database(),
                environment=SAME_PEPPER,
            )
            street.folder.mkdir()
            victim = moments.choice(["tap", "target"])
            moment = moments.uniform(0.3, 1.0) * seconds
            street.run(kill=victim, after=moment)
            street.succeed()
            for table, rows in street.tables().items():
                assert rows == expected[table], (
                    f"{table} differs after kill -9 of the {victim} at {moment:.2f} s"
                )
