"""Speaking to one Klaviyo account: endpoints and their limits, refusals, pages, waiting."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from target_shopcrm.destinations.http import CrmApi
from target_shopcrm.destinations.pacing import Pace, Rate
from target_shopcrm.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_shopcrm.destinations.http import Answer, Patience

Json = dict[str, Any]
_Kind = TypeVar("_Kind")
_Page = TypeVar("_Page", bound="Page")

REVISION = "2026-07-15"
URL = "https://a.klaviyo.com"
_MEDIA_TYPE = "application/vnd.api+json"
_SLOWEST_POLL = 5.0


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, with the limits its description states.

    Attributes:
        method: HTTP method.
        path: Path, with ``{}`` where an id belongs.
        per_second: Calls a second ("burst").
        per_minute: Calls a minute ("steady").
        scopes: What an API key needs for it, for the message when it is refused.
    """

    method: str
    path: str
    per_second: int
    per_minute: int
    scopes: str


class Links(msgspec.Struct, frozen=True):
    """Where a collection goes on."""

    next: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a collection; a subclass says of what."""

    links: Links | None = None


class Account:
    """One Klaviyo account.

    Args:
        api_key: A private API key.
        api_url: Where the API is, or None for Klaviyo's own address.
        patience: How long to wait.
    """

    def __init__(self, api_key: str, api_url: str | None, patience: Patience | None) -> None:
        self.api = CrmApi(
            "Klaviyo",
            api_url or URL,
            headers={"revision": REVISION, "Accept": _MEDIA_TYPE},
            secret_headers={"Authorization": f"Klaviyo-API-Key {api_key}"},
            patience=patience,
        )
        self.patience = self.api.patience
        self._paces: dict[Endpoint, Pace] = {}

    def call(
        self,
        endpoint: Endpoint,
        remote_id: str = "",
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Make a call.

        Args:
            endpoint: Which.
            remote_id: The id that belongs into its path.
            json: What to send.
            params: Query parameters.
            repeatable: Whether doing it twice is the same as doing it once.

        Returns:
            The answer: 2xx, or a refusal that the caller has to understand.

        Raises:
            CredentialsError: If Klaviyo doesn't accept the key, or not for this.
        """
        if endpoint not in self._paces:
            rates = Rate(endpoint.per_second), Rate(endpoint.per_minute, 60.0)
            self._paces[endpoint] = Pace(*rates)
        answer = self.api.call(
            endpoint.method,
            endpoint.path.format(remote_id),
            json=json,
            params=params,
            headers=None if json is None else {"Content-Type": _MEDIA_TYPE},
            repeatable=repeatable,
            pace=self._paces[endpoint],
        )
        if answer.status in {401, 403}:
            raise CredentialsError(
                f"Klaviyo answered {answer.status} to {endpoint.method}"
                f" {endpoint.path.format('…')}: correct api_key, or give that private key the"
                f" scopes {endpoint.scopes}, then run again."
            )
        return answer

    def read(
        self,
        endpoint: Endpoint,
        kind: type[_Kind],
        remote_id: str = "",
        *,
        params: Mapping[str, str] | None = None,
    ) -> _Kind | None:
        """Read something; None if it isn't there.

        Args:
            endpoint: Where.
            kind: What its body looks like.
            remote_id: The id that belongs into its path.
            params: Query parameters.

        Raises:
            CrmContractError: If the answer isn't what the API promises.
        """
        answer = self.call(endpoint, remote_id, params=params)
        if answer.status == 404:  # noqa: PLR2004 - an HTTP status
            return None
        if not answer.ok:
            raise self.api.unexpected(f"{endpoint.method} {endpoint.path.format('…')}", answer)
        return self.decoded(answer, endpoint, kind)

    def decoded(self, answer: Answer, endpoint: Endpoint, kind: type[_Kind]) -> _Kind:
        """Take a body for what the API promises it to be.

        Raises:
            CrmContractError: If it isn't.
        """
        try:
            return msgspec.convert(answer.body, kind)
        except msgspec.ValidationError:
            what = f"{endpoint.method} {endpoint.path.format('…')}"
            raise self.api.unexpected(what, answer) from None

    def pages(
        self,
        endpoint: Endpoint,
        kind: type[_Page],
        remote_id: str = "",
        *,
        params: Mapping[str, str] | None = None,
    ) -> Iterator[_Page]:
        """Read page after page. Only the cursor of a next link is used, never its address.

        Args:
            endpoint: Where.
            kind: What a page looks like.
            remote_id: The id that belongs into its path.
            params: Query parameters of every page.

        Yields:
            Each page; none if the collection isn't there.
        """
        asked = dict(params or {})
        while (page := self.read(endpoint, kind, remote_id, params=asked)) is not None:
            yield page
            following = parse_qs(urlsplit(page.links.next or "").query) if page.links else {}
            cursor = following.get("page[cursor]", [""])[0]
            if cursor in {"", asked.get("page[cursor]")}:
                return
            asked["page[cursor]"] = cursor

    def wait_for(self, look: Callable[[], _Kind | None], seconds: float) -> _Kind | None:
        """Look until there is something to see.

        Args:
            look: Answers None for "not yet"; it is asked at least once.
            seconds: How long to go on.

        Returns:
            What was seen, None if the time is up.
        """
        until, pause = time.monotonic() + seconds, self.patience.poll
        while (seen := look()) is None:
            if time.monotonic() + pause > until:
                return None
            time.sleep(pause)
            pause = min(pause * 2, _SLOWEST_POLL)
        return seen
