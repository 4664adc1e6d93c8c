"""Lightspeed X-Series' way of asking: versions in the path, pages by version, scopes, errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError
from tap_pos.http import HttpClient
from tap_pos.pacing import Pace
from tap_pos.vendors import background
from tap_pos.vendors.lightspeed_x.access import access_of
from tap_pos.vendors.pages import ListDecoder, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings

T = TypeVar("T")

DEFAULT_VERSION = "2026-07"
# The vendor asks every client to name itself.
USER_AGENT = "tap-pos (Singer tap)"
# No page size is documented for dated versions; 200 was the limit of the first API. Pages are
# read until one is empty, so a smaller limit costs requests but no rows.
_PAGE_SIZE = 200
# 300 requests per register and 50 more in five minutes; every shop has one register at least.
_PER_MINUTE, _BURST = 60.0, 50
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_SCOPES = {
    "outlets": "outlets:read",
    "retailer": "retailer:read and payment_types:read",
    "users": "users:read",
    "products": "products:read",
    "brands": "products:read",
    "product_categories": "products:read",
    "customers": "customers:read",
    "customer_groups": "customers:read",
    "sales": "sales:read",
}


class _Versions(Struct):
    max: int | None = None


class _Collection(Struct):
    data: Raw
    version: _Versions | None = None


@dataclass(frozen=True)
class VersionPage(Page[T]):
    """One page of a list that is ordered by version.

    Attributes:
        highest: The highest version on it, after which the next page starts.
    """

    highest: int | None = None


class VersionDecoder(Generic[T]):
    """Decodes `{data: [...], version: {min, max}}`.

    Args:
        kind: The struct of one record.
    """

    def __init__(self, kind: type[T]) -> None:
        self._collection = msgspec.json.Decoder(_Collection)
        self._list = ListDecoder(kind)

    def __call__(self, body: bytes) -> VersionPage[T]:
        """Decode one answer.

        Raises:
            msgspec.DecodeError: If it is not JSON.
            msgspec.ValidationError: If it is JSON, but not such a list.
        """
        collection = self._collection.decode(body)
        highest = collection.version.max if collection.version else None
        page = self._list(collection.data)
        if highest is None and (page.items or page.bad):
            raise msgspec.ValidationError("rows without a version to go on from")
        return VersionPage(page.items, None, page.bad, highest)


class LightspeedApi:
    """Asks Lightspeed on behalf of one shop.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self.version = shop.api_version or DEFAULT_VERSION
        self.who = f"Shop '{shop.id}'"
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        self._access = access_of(shop, headers, limits)
        self._http = HttpClient(
            shop.base_url,
            auth=None,
            headers=headers,
            limits=limits,
            who=self.who,
            pace=Pace(shop.requests_per_minute or _PER_MINUTE, _BURST),
        )

    def ask(
        self, name: str, decode: Callable[[bytes], T], query: Mapping[str, str] | None = None
    ) -> tuple[T, datetime | None]:
        """Send one request.

        Args:
            name: What to read, the last part of the path.
            decode: Turns the answer into a value.
            query: The request's parameters.

        Returns:
            The value and Lightspeed's clock.

        Raises:
            AccessDeniedError: If the token is refused or lacks a permission.
            RegisterUnavailableError: If Lightspeed can't be reached or keeps failing.
            UnexpectedAnswerError: If Lightspeed refuses the request for any other reason.
        """
        token = self._access.token()
        reply = self._send(name, decode, query, token)
        if reply.status == _UNAUTHORIZED:
            # An access token ends early when the application is authorised again elsewhere.
            renewed = self._access.renewed(token)
            if renewed is not None:
                reply = self._send(name, decode, query, renewed)
        if reply.content is None:
            raise self._refusal(reply.status, name)
        return reply.content, reply.date

    def changes(
        self, name: str, decode: VersionDecoder[T], after: int = 0, *, deleted: bool = False
    ) -> Iterator[VersionPage[T]]:
        """Read everything after a version, oldest change first, until a page is empty.

        The next page is fetched while this one is used.

        Args:
            name: What to read.
            decode: Decodes its pages.
            after: A version; what has this one is not read again.
            deleted: Ask for deleted rows too, where the vendor has that parameter.

        Raises:
            ShopError: As `ask` does.
        """
        query = {"page_size": str(_PAGE_SIZE)} | ({"deleted": "true"} if deleted else {})

        def fetch(after: int) -> VersionPage[T]:
            # Left out at the beginning, since 0 might one day not mean "from the first".
            place = {"after": str(after)} if after else {}
            return self.ask(name, decode, query | place)[0]

        page = fetch(after)
        while page.highest is not None and (page.items or page.bad):
            if page.highest <= after:
                # Asked for more, it gave the same: there is no more.
                return
            after = page.highest
            following = background.start(partial(fetch, after))
            yield page
            page = following()

    def older_version(self, name: str) -> UnexpectedAnswerError:
        """Say that another version of the API answered than the one that was asked."""
        return UnexpectedAnswerError(
            f"{self.who}: {self._http.host} answered /api/{self.version}/{name} in the shape of "
            "another version, as it silently does once a version has expired: set api_version to "
            "a supported one, or update the tap."
        )

    def _send(
        self, name: str, decode: Callable[[bytes], T], query: Mapping[str, str] | None, token: str
    ) -> Reply[T]:
        path = f"/api/{self.version}/{name}"
        try:
            return self._http.request(
                "GET", path, decode, params=query, headers={"Authorization": f"Bearer {token}"}
            )
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(
                f"{self.who}: {self._http.host} sent JSON that is not Lightspeed's (GET {path}, "
                f"{error}): check base_url and api_version."
            ) from None

    def _refusal(self, status: int, name: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        if status == _UNAUTHORIZED:
            return AccessDeniedError(
                f"{self.who}: Lightspeed refuses the access token ({status}): create a new "
                "personal token and set it as access_token, or authorise the application again.",
                ends_shop=True,
            )
        if status == _FORBIDDEN:
            return AccessDeniedError(
                f"{self.who}: the token may not read {name} ({status}): authorise it with the "
                f"scope {_SCOPES.get(name, 'that this needs')}, or deselect the stream.",
                ends_shop=False,
            )
        hint = (
            "check base_url and api_version"
            if status == _NOT_FOUND or status < 400  # noqa: PLR2004 - a redirect leads to a log-in page
            else "check the shop's settings, and report it if they are right"
        )
        return UnexpectedAnswerError(
            f"{self.who}: Lightspeed refused GET /api/{self.version}/{name} with {status}: {hint}."
        )
