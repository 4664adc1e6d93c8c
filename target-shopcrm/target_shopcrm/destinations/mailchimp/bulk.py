"""Many operations in one call: Mailchimp accepts them first and carries them out later.

What became of each lies in a gzipped archive on another host than the API's. It isn't fetched: a
job without a single error needs no list, and after one with errors, reading the CRM itself says
more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.mailchimp.account import Account

PER_JOB = 1_000
FEW = 10
"""Up to so many, calls one by one are quicker than a job."""
_FINISHED = "finished"
_LONGEST_POLL = 5.0
_RECENT = "100"


class Operation(Struct, frozen=True, kw_only=True):
    """One call of a job."""

    method: str
    path: str
    json: object
    params: Mapping[str, str] = {}


class _Job(Struct, frozen=True):
    id: str
    status: str
    errored_operations: int = 0


class _Jobs(Struct, frozen=True):
    batches: list[_Job]


def run(account: Account, operations: Sequence[Operation], *, repeatable: bool) -> bool | None:
    """Carry out up to 1,000 operations, in any order, and wait for the end.

    Args:
        account: The account.
        operations: What to do.
        repeatable: Whether doing all of them twice is the same as doing them once.

    Returns:
        Whether all succeeded; None if the job takes too long to wait for.

    Raises:
        UncertainError: If it isn't repeatable, and nobody knows whether it was accepted.
    """
    answer = account.call(
        "POST",
        "/batches",
        json={"operations": [_as_sent(each) for each in operations]},
        repeatable=repeatable,
    )
    if answer.status == BAD_REQUEST:
        return False
    job = account.decoded(answer, _Job, "POST a batch of operations")
    waits = _Waits(account)
    while job.status != _FINISHED:
        if not waits.next():
            return None
        answer = account.call(
            "GET",
            f"/batches/{job.id}",
            params={"fields": "id,status,errored_operations"},
        )
        job = account.decoded(answer, _Job, "GET a batch of operations")
    return job.errored_operations == 0


def all_done(account: Account, operations: Sequence[Operation]) -> bool | None:
    """Carry out any number of repeatable operations.

    Args:
        account: The account.
        operations: What to do.

    Returns:
        Whether certainly all succeeded; if not, do each by itself to learn which didn't. None if
        one job is still under way.
    """
    for start in range(0, len(operations), PER_JOB):
        succeeded = run(account, operations[start:][:PER_JOB], repeatable=True)
        if not succeeded:
            return succeeded
    return True


def nothing_pending(account: Account) -> bool:
    """Wait until no job of the account is under way, so that what is read is final.

    Args:
        account: The account.

    Returns:
        False if one took too long.
    """
    waits = _Waits(account)
    while True:
        answer = account.call(
            "GET",
            "/batches",
            params={"count": _RECENT, "fields": "batches.id,batches.status"},
        )
        jobs = account.decoded(answer, _Jobs, "GET the batches of operations")
        if all(each.status == _FINISHED for each in jobs.batches):
            return True
        if not waits.next():
            return False


class _Waits:
    """Waits between two looks at a job: longer each time, and not for ever."""

    def __init__(self, account: Account) -> None:
        self._wait = account.api.patience.poll
        self._left = account.api.patience.job

    def next(self) -> bool:
        """Wait once more; False if the time is used up."""
        if self._left <= 0:
            return False
        time.sleep(self._wait)
        self._left -= self._wait
        self._wait = min(self._wait * 2, _LONGEST_POLL)
        return True


def _as_sent(operation: Operation) -> dict[str, object]:
    return {
        "method": operation.method,
        "path": operation.path,
        "params": dict(operation.params),
        "body": msgspec.json.encode(operation.json).decode(),
    }
