"""A fake Klaviyo, of API revision 2026-07-15, that is silently as obliging as the real one."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from crm_fakes import klaviyo_answers as answers
from crm_fakes import klaviyo_events as events
from crm_fakes import klaviyo_writes as writes
from crm_fakes.fake import Answer, FakeCrm
from crm_fakes.klaviyo_account import ORDERS, STOPPED, KlaviyoAccount, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_fakes.fake import Request

REVISION = "2026-07-15"
EVERYBODY, LOYAL = "LstAll", "LstLoyal"
_MEDIA_TYPE = "application/vnd.api+json"
_JOBS = "/api/profile-bulk-import-jobs"
_NAMES = {"first_name": "given_name", "email": "email", "phone_number": "phone"}


class FakeKlaviyo(FakeCrm):
    """A Klaviyo account.

    Attributes:
        api_key: The private key it accepts.
        account: Its state.
        points_at_errors: Whether import errors say which item they are about.
        suppresses_everybody: Whether unsubscribing somebody who never subscribed also keeps
            mail away from them; else such a profile stays "active".
        drops_repeated_events: Whether a repeated unique id is swallowed, not refused.
        double_opt_in_mails: To whom a confirmation mail went.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.now(timezone.utc)
        self.api_key = "pk_fake_0123456789"
        self.account = KlaviyoAccount(lambda: self.now)
        self.account.lists = {EVERYBODY: set(), LOYAL: set()}
        self.points_at_errors = True
        self.suppresses_everybody = True
        self.drops_repeated_events = False
        self.double_opt_in_mails: list[str] = []

    def answer(self, request: Request) -> Answer:
        """Answer one request from the data."""
        if request.headers.get("authorization") != f"Klaviyo-API-Key {self.api_key}":
            return answers.complaint(401, "not_authenticated", "wrong key")
        if request.headers.get("revision") != REVISION:
            return answers.complaint(400, "invalid_revision", "no such revision")
        if request.body and request.headers.get("content-type") != _MEDIA_TYPE:
            return answers.complaint(415, "unsupported_media_type", "JSON:API only")
        if request.method == "GET":
            self.account.tick()
        for (method, pattern), handle in self._routes().items():
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return handle(request, *match.groups())
        return answers.complaint(404, "not_found", "no such endpoint")

    def _routes(self) -> dict[tuple[str, str], Callable[..., Answer]]:
        account, note = self.account, self._note
        members = r"/api/lists/(\w+)/relationships/profiles"
        return {
            ("GET", "/api/profiles"): partial(answers.read_profiles, account),
            ("PATCH", r"/api/profiles/(\w+)"): lambda request, profile_id: writes.change_profile(
                account, request, note, profile_id
            ),
            ("POST", _JOBS): lambda request: writes.import_profiles(
                account, request, note, points=self.points_at_errors
            ),
            ("GET", rf"{_JOBS}/(\w+)"): self._job,
            ("GET", rf"{_JOBS}/(\w+)/import-errors"): self._import_errors,
            (
                "POST",
                "/api/profile-subscription-bulk-create-jobs",
            ): lambda request: writes.subscribe(
                account, request, note, self.double_opt_in_mails.append
            ),
            (
                "POST",
                "/api/profile-subscription-bulk-delete-jobs",
            ): lambda request: writes.unsubscribe(
                account, request, note, suppresses_everybody=self.suppresses_everybody
            ),
            (
                "POST",
                "/api/profile-suppression-bulk-create-jobs",
            ): lambda request: writes.suppress(account, request, note),
            ("POST", "/api/data-privacy-deletion-jobs"): lambda request: writes.erase(
                account, request, note
            ),
            ("POST", "/api/event-bulk-create-jobs"): lambda request: events.record_events(
                account, request, note, drops_repeated=self.drops_repeated_events
            ),
            ("GET", "/api/events"): partial(answers.read_events, account),
            ("GET", "/api/metrics"): partial(answers.read_metrics, account),
            ("GET", "/api/lists"): partial(answers.read_lists, account),
            ("GET", members): partial(answers.read_members, account),
            ("POST", members): self._change_list,
            ("DELETE", members): self._change_list,
        }

    def finish_jobs(self) -> None:
        """Let everything that was only accepted so far happen."""
        self.account.finish()

    def mailable(self) -> set[tuple[str, str]]:
        """Everybody with an address who isn't suppressed; texts only to subscribers."""
        return {
            (channel, address)
            for profile in self.account.profiles.values()
            for channel in ("email", "sms")
            if (address := profile.address(channel)) and profile.can_receive(channel)
        }

    def opted_out(self) -> set[tuple[str, str]]:
        """Who is unsubscribed or suppressed."""
        return {
            (channel, address)
            for profile in self.account.profiles.values()
            for channel in ("email", "sms")
            if (address := profile.address(channel))
            and (
                profile.consent.get(channel) == "UNSUBSCRIBED"
                or (channel == "email" and profile.suppression)
            )
        }

    def known(self) -> set[str]:
        """Every address of a profile."""
        return {
            address
            for profile in self.account.profiles.values()
            for channel in ("email", "sms")
            if (address := profile.address(channel))
        }

    def members(self) -> dict[str, set[str]]:
        """The e-mail addresses on each list; the phone number where there is none."""
        profiles = self.account.profiles
        return {
            list_id: {
                profiles[each].address("email") or profiles[each].address("sms") or each
                for each in ids
            }
            for list_id, ids in self.account.lists.items()
        }

    def triggered(self) -> list[tuple[str, str]]:
        """The events that started flows."""
        return list(self.account.flows)

    def fields_of(self, address: str) -> dict[str, object]:
        """What the profile with an address holds, by the names of the canonical contact."""
        found = self.account.find(email=address, phone_number=address)
        if not found:
            return {}
        attributes, properties = found[0].attributes, found[0].properties
        named = {
            name: attributes[theirs] for theirs, name in _NAMES.items() if theirs in attributes
        }
        ours = {name: each for name, each in properties.items() if not name.startswith("shopcrm_")}
        return {**named, **ours}

    def counts(self) -> dict[str, int]:
        """How many profiles, sales, other events of ours and (never any) hints it holds."""
        metrics = [each["metric"] for each in self.account.events if each["metric"] != STOPPED]
        orders = sum(1 for each in metrics if each in ORDERS)
        return {
            "contacts": len(self.account.profiles),
            "orders": orders,
            "events": len(metrics) - orders,
            "cues": 0,
        }

    def person_opts_out(self, channel: str, address: str) -> None:
        """The person clicks on unsubscribe or sends STOP."""
        self.account.unsubscribe(self.account.at(channel, address), channel)

    def owner_adds(self, email: str) -> None:
        """The shop owner types a subscriber in by hand."""
        self.account.subscribe(self.account.at("email", email), "email", text(self.now))

    def _note(self, operation: str, whom: str) -> None:
        self.writes.append(f"{operation} {whom}")

    def _change_list(self, request: Request, list_id: str) -> Answer:
        return writes.change_list(self.account, request, self._note, list_id)

    def _job(self, _request: Request, job_id: str) -> Answer:
        if job_id not in self.account.imports:
            return answers.complaint(404, "not_found", "no such job")
        return Answer(200, {"data": writes.import_row(self.account, job_id)})

    def _import_errors(self, request: Request, job_id: str) -> Answer:
        rows = [
            {
                "type": "import-error",
                "id": f"{job_id}-{number}",
                "attributes": {
                    "code": error["code"],
                    "title": error["code"],
                    "detail": error["detail"],
                    "source": {"pointer": error["pointer"]},
                },
            }
            for number, error in enumerate(self.account.imports[job_id]["errors"])
        ]
        return Answer(200, answers.page(request, rows, 100, 20))


def settings_for(fake: FakeKlaviyo) -> dict[str, Any]:
    """The target's configuration for a running fake."""
    return {
        "destination": "klaviyo",
        "api_key": fake.api_key,
        "api_url": fake.url,
        "lists": {"*": EVERYBODY, "loyal": LOYAL},
    }
