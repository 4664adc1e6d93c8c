"""Import jobs: many profiles in one call, carried out later, judged item by item.

The job's errors point at the items that failed. Should they not, the rest is imported again in
halves until it is clear which item it was; an import can be repeated without harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.klaviyo.account import Endpoint, Page
from target_shopcrm.destinations.klaviyo.batches import Complaint, in_chunks, send_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.klaviyo.account import Account, Json
    from target_shopcrm.destinations.klaviyo.batches import Refusal

PER_CALL = 10_000
_MOST_BYTES_EACH = 100_000
_WRITE = "profiles:write, lists:write"
_READ = "profiles:read, lists:read"
IMPORT = Endpoint("POST", "/api/profile-bulk-import-jobs", 10, 150, _WRITE)
JOB = Endpoint("GET", "/api/profile-bulk-import-jobs/{}", 10, 150, _READ)
ERRORS = Endpoint("GET", "/api/profile-bulk-import-jobs/{}/import-errors", 10, 150, _READ)


class _Progress(msgspec.Struct, frozen=True):
    status: Literal["cancelled", "complete", "processing", "queued"]
    failed_count: int | None = None


class _Job(msgspec.Struct, frozen=True):
    id: str
    attributes: _Progress


class _JobAnswer(msgspec.Struct, frozen=True):
    data: _Job


class _ImportError(msgspec.Struct, frozen=True):
    attributes: Complaint


class _ErrorPage(Page, frozen=True, kw_only=True):
    data: list[_ImportError]


class _Started(NamedTuple):
    """A job, and the positions of the profiles in it."""

    job_id: str
    positions: list[int]


class Imports:
    """Import jobs of an account.

    Args:
        account: The account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def run(self, entries: Sequence[Json]) -> list[Outcome]:
        """Import profiles, and wait until each one's fate is known.

        Args:
            entries: Profiles as the API takes them.

        Returns:
            One outcome for each.
        """
        sizes = [len(msgspec.json.encode(entry)) for entry in entries]
        outcomes = {
            position: Outcome("refused", reason="larger than the 100 KB that Klaviyo takes")
            for position, size in enumerate(sizes)
            if size > _MOST_BYTES_EACH
        }
        fitting = [position for position in range(len(entries)) if position not in outcomes]
        for chunk in in_chunks([sizes[position] for position in fitting], PER_CALL):
            outcomes.update(self._settle(entries, [fitting[index] for index in chunk]))
        return [outcomes[position] for position in range(len(entries))]

    def _settle(self, entries: Sequence[Json], positions: Sequence[int]) -> dict[int, Outcome]:
        """Import some of the entries, in parts if need be."""
        outcomes: dict[int, Outcome] = {}
        parts = [list(positions)]
        while parts:
            part = parts.pop()
            jobs, refused = self._start(entries, part)
            outcomes.update({position: _refused(each) for position, each in refused.items()})
            for job in jobs:
                fates, doubtful = self._finish(job)
                outcomes.update(fates)
                if len(doubtful) == 1:
                    outcomes[doubtful[0]] = Outcome("refused", reason="refused")
                elif doubtful:
                    middle = len(doubtful) // 2
                    parts += [doubtful[middle:], doubtful[:middle]]
        return outcomes

    def _start(
        self, entries: Sequence[Json], positions: Sequence[int]
    ) -> tuple[list[_Started], Mapping[int, Refusal]]:
        """Start as few jobs as Klaviyo allows for some of the entries."""
        started: list[_Started] = []

        def post(part: Sequence[int]) -> Answer:
            attributes = {"profiles": {"data": [entries[position] for position in part]}}
            job = {"data": {"type": "profile-bulk-import-job", "attributes": attributes}}
            answer = self._account.call(IMPORT, json=job)
            if answer.ok:
                accepted = self._account.decoded(answer, IMPORT, _JobAnswer)
                started.append(_Started(accepted.data.id, list(part)))
            return answer

        refused = send_apart(
            list(positions), post, lambda answer: self._account.api.unexpected("an import", answer)
        )
        return started, {positions[index]: each for index, each in refused.items()}

    def _finish(self, job: _Started) -> tuple[dict[int, Outcome], list[int]]:
        """Wait for a job; the second value lists items of whom some failed, who knows which."""
        progress = self._account.wait_for(
            lambda: self._look(job.job_id), self._account.patience.job
        )
        if progress is None or progress.status == "cancelled":
            why = "the import was accepted but has not happened yet"
            return dict.fromkeys(job.positions, Outcome("uncertain", reason=why)), []
        if not progress.failed_count:
            return dict.fromkeys(job.positions, DONE), []
        blamed: dict[int, Outcome] = {}
        for page in self._account.pages(
            ERRORS, _ErrorPage, job.job_id, params={"page[size]": "100"}
        ):
            for each in page.data:
                index = each.attributes.index
                if index is not None and index < len(job.positions):
                    blamed.setdefault(job.positions[index], _refused(each.attributes.refusal))
        rest = [position for position in job.positions if position not in blamed]
        if len(blamed) < progress.failed_count:
            return blamed, rest
        return {**dict.fromkeys(rest, DONE), **blamed}, []

    def _look(self, job_id: str) -> _Progress | None:
        answer = self._account.read(JOB, _JobAnswer, job_id)
        if answer is None or answer.data.attributes.status in {"queued", "processing"}:
            return None
        return answer.data.attributes


def _refused(refusal: Refusal) -> Outcome:
    return Outcome("refused", field=refusal.field, reason=refusal.code)
