"""Mailchimp's jobs: accepted at once, carried out later, the results in an archive elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from crm_fakes.fake import Answer
from crm_fakes.mailchimp.audience import Problem
from crm_fakes.mailchimp.members import ONE, Route

if TYPE_CHECKING:
    from crm_fakes.mailchimp import FakeMailchimp

Json = dict[str, Any]
_OPERATIONS, _SUCCESS = 1_000, 300


@dataclass
class Job:
    """One accepted job."""

    id: str
    operations: list[Json]
    looks: int = 0
    errors: int | None = None

    def shown(self) -> Json:
        """Show it as the API does; how many operations it has is only known once it ran."""
        done = self.errors is not None
        return {
            "id": self.id,
            "status": "finished" if done else "pending",
            "total_operations": len(self.operations) if done else 0,
            "errored_operations": self.errors or 0,
            "response_body_url": "https://archive.invalid/results.tar.gz" if done else "",
        }


class JobCalls:
    """What the API does about jobs; each is carried out at the second look at it.

    Args:
        fake: The account.
    """

    def __init__(self, fake: FakeMailchimp) -> None:
        self._fake = fake
        self._jobs: dict[str, Job] = {}

    def routes(self) -> list[Route]:
        """List what can be called."""
        return [
            ("POST", "/batches", self._accept),
            ("GET", "/batches", self._all),
            ("GET", f"/batches/{ONE}", self._one),
        ]

    def finish(self) -> None:
        """Carry out everything that was accepted."""
        for job in self._jobs.values():
            self._carry_out(job)

    def _accept(self, *, query: Json, body: Json) -> Answer:
        del query
        if len(body["operations"]) > _OPERATIONS:
            raise Problem("Invalid Resource", "Too many operations")
        job = Job(f"job{len(self._jobs)}", body["operations"])
        self._jobs[job.id] = job
        return Answer(body=job.shown())

    def _all(self, *, query: Json, body: Json) -> Answer:
        del body
        for job in self._jobs.values():
            self._look(job)
        newest = list(self._jobs.values())[::-1][: int(query.get("count", 10))]
        return Answer(body={"batches": [each.shown() for each in newest]})

    def _one(self, job_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        self._look(self._jobs[job_id])
        return Answer(body=self._jobs[job_id].shown())

    def _look(self, job: Job) -> None:
        job.looks += 1
        if job.looks > 1 and not self._fake.stuck:
            self._carry_out(job)

    def _carry_out(self, job: Job) -> None:
        if job.errors is not None:
            return
        statuses = [
            self._fake.routed(
                each["method"],
                each["path"],
                each.get("params", {}),
                msgspec.json.decode(each.get("body") or "{}"),
            ).status
            for each in job.operations
        ]
        job.errors = sum(status >= _SUCCESS for status in statuses)
