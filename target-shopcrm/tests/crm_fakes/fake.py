"""What every fake CRM shares: a server with faults, and questions no vendor would answer.

A fake keeps state as the vendor does, defaults and traps included. The questions at the end of
`FakeCrm` are what must never be answered wrongly: whom could this CRM write to right now?
"""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tap_pos.testing.fake import Answer, FakeVendor, Request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Answer", "FakeCrm", "Fault", "Request"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        when: ``before`` the CRM carried it out, or ``after``: it did, but nobody learns so.
        answer: What is answered instead; None closes the connection in the middle of an answer.
        silence: Seconds to say nothing before that.
    """

    when: Literal["before", "after"] = "before"
    answer: Answer | None = None
    silence: float = 0.0


class FakeCrm(FakeVendor):
    """A CRM's account, with a plan of faults.

    Attributes:
        faults: Asked for each request; may break it.
        writes: What was carried out, in order, as ``operation address-or-id`` texts, so that a
            test can see what came before what: ``erase a@example.com``, ``withdraw …``,
            ``upsert …``, ``grant …``, ``list …``, ``order …``, ``event …``, ``cue …``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: Callable[[Request], Fault | None] = lambda _request: None
        self.writes: list[str] = []

    def respond(self, request: Request) -> Answer:
        """Answer a request, as well as the faults let it."""
        fault = self.faults(request)
        if fault is None:
            return super().respond(request)
        if fault.when == "after":
            super().respond(request)
        else:
            with self._lock:
                self.requests.append(request)
        time.sleep(fault.silence)
        return fault.answer or Answer(200, b'{"half": "an answer"}', cut=True)

    def finish_jobs(self) -> None:
        """Let everything that was only accepted so far happen; most CRMs have no such jobs."""

    @abstractmethod
    def mailable(self) -> set[tuple[str, str]]:
        """The (channel, address) pairs to which this CRM would send marketing now."""

    @abstractmethod
    def opted_out(self) -> set[tuple[str, str]]:
        """The pairs of which it knows that the person said no."""

    @abstractmethod
    def known(self) -> set[str]:
        """Every address (e-mail or E.164 phone) that it holds anywhere as a contact."""

    @abstractmethod
    def members(self) -> dict[str, set[str]]:
        """For each list id the addresses of its members."""

    @abstractmethod
    def triggered(self) -> list[tuple[str, str]]:
        """(event name, address) of everything that started a flow: a message was possible."""

    @abstractmethod
    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields it holds of the contact with an address, empty if there is none."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """How many ``contacts``, ``orders``, ``events`` and ``cues`` it holds."""

    @abstractmethod
    def person_opts_out(self, channel: str, address: str) -> None:
        """The person clicks on unsubscribe or sends STOP, in the CRM itself."""

    @abstractmethod
    def owner_adds(self, email: str) -> None:
        """The shop owner types a subscriber in by hand, behind everybody's back."""
