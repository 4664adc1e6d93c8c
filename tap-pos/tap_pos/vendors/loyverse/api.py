"""Loyverse's way of asking: pages by cursor, filters that may be ignored, errors."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tap_pos.errors import AccessDeniedError, CursorExpired, UnexpectedAnswerError
from tap_pos.http import BearerToken, HttpClient
from tap_pos.pacing import Pace
from tap_pos.vendors import background
from tap_pos.vendors.pages import Page, PageDecoder
from tap_pos.vendors.texts import error_code
from tap_pos.windows import Window, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings

T = TypeVar("T")

DEFAULT_BASE_URL = "https://api.loyverse.com"
_VERSION = "/v1.0/"
_LARGEST_PAGE = 250
# What users report; the vendor names no figure.
_PER_MINUTE, _BURST = 60.0, 10
_WORKERS = 2
_MORE, _TOLERANCE = timedelta(milliseconds=1), timedelta(seconds=1)
_BAD_REQUEST, _UNAUTHORIZED, _PAYMENT_REQUIRED, _FORBIDDEN, _NOT_FOUND = 400, 401, 402, 403, 404
_SCOPES = {
    "merchant": "MERCHANT_READ",
    "stores": "STORES_READ",
    "employees": "EMPLOYEES_READ",
    "items": "ITEMS_READ",
    "variants": "ITEMS_READ",
    "categories": "ITEMS_READ",
    "customers": "CUSTOMERS_READ",
    "receipts": "RECEIPTS_READ",
}
_logger = logging.getLogger("tap-pos.loyverse")


class Changed(Protocol):
    """A row that tells when it changed."""

    @property
    def updated_at(self) -> str | None:
        """When that was."""


C = TypeVar("C", bound=Changed)


class _Error(Struct):
    code: str | None = None


class _Errors(Struct):
    errors: list[_Error] = []


class LoyverseApi:
    """Asks Loyverse on behalf of one shop.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self.who = f"Shop '{shop.id}'"
        self._http = HttpClient(
            shop.base_url or DEFAULT_BASE_URL,
            auth=BearerToken(shop.access_token),
            headers={"Accept": "application/json"},
            limits=limits,
            who=self.who,
            pace=Pace(shop.requests_per_minute or _PER_MINUTE, _BURST),
        )
        self._ignored_filters: set[str] = set()

    def ask(
        self, name: str, decode: Callable[[bytes], T], query: Mapping[str, str] | None = None
    ) -> tuple[T, datetime | None]:
        """Send one request.

        Args:
            name: What to read.
            decode: Turns the answer into a value.
            query: The request's parameters.

        Returns:
            The value and Loyverse's clock.

        Raises:
            AccessDeniedError: If the token is refused or lacks a permission.
            RegisterUnavailableError: If Loyverse can't be reached or keeps failing.
            UnexpectedAnswerError: If Loyverse refuses the request for any other reason.
        """
        reply = self._send(name, decode, query)
        if reply.content is None:
            raise self._refusal(reply.status, reply.body, name)
        return reply.content, reply.date

    def pages(
        self, name: str, decode: PageDecoder[T], query: Mapping[str, str] | None = None
    ) -> Iterator[Page[T]]:
        """Read a list, page after page, fetching the next page while this one is used.

        Raises:
            CursorExpired: If Loyverse no longer knows the place it gave out.
            ShopError: As `ask` does.
        """
        asked = {"limit": str(_LARGEST_PAGE), **(query or {})}
        page = self._page(name, decode, asked)
        while page.cursor:
            if page.cursor == asked.get("cursor"):
                raise UnexpectedAnswerError(
                    f"{self.who}: Loyverse gives the same page of {name} over and over: report it."
                )
            asked = asked | {"cursor": page.cursor}
            following = background.start(partial(self._page, name, decode, asked))
            yield page
            page = following()
        yield page

    def changes(self, name: str, decode: PageDecoder[C], window: Window) -> Iterator[Page[C]]:
        """Read what changed in a window, both ends included.

        Loyverse is said to ignore parameters it does not know, and whether its filters
        include their ends is not documented. So a little more is asked for, and every row is
        looked at: one from far outside shows that the filter was ignored.

        Raises:
            CursorExpired: If Loyverse no longer knows the place it gave out.
            ShopError: As `ask` does.
        """
        query = {
            "updated_at_min": _text(window.start - _MORE),
            "updated_at_max": _text(window.end + _MORE),
        }
        asked_for = Window(window.start - _TOLERANCE, window.end + _TOLERANCE)
        for page in self.pages(name, decode, query):
            if not all(_lies_in(row, asked_for) for row in page.items):
                self._tell_once(name)
            inside = [row for row in page.items if _lies_in(row, window)]
            yield Page(inside, page.cursor, page.bad)

    def _tell_once(self, name: str) -> None:
        if name not in self._ignored_filters:
            self._ignored_filters.add(name)
            _logger.warning(
                "%s: Loyverse ignores the filter of %s by time of change; every run reads all of "
                "them and leaves out what is old, which may take long",
                self.who,
                name,
            )

    def get_each(
        self, name: str, ids: Iterable[str], decode: Callable[[bytes], T]
    ) -> Iterator[tuple[str, T | None]]:
        """Read records one by one, a few at once.

        Yields:
            Each id with its record, or with None if Loyverse has none under that id.
        """

        def fetch(identity: str) -> tuple[str, T | None]:
            reply = self._send(f"{name}/{quote(identity, safe='')}", decode, None)
            if reply.content is None and reply.status != _NOT_FOUND:
                raise self._refusal(reply.status, reply.body, name)
            return identity, reply.content

        return background.each(fetch, ids, _WORKERS)

    def _page(self, name: str, decode: PageDecoder[T], query: Mapping[str, str]) -> Page[T]:
        reply = self._send(name, decode, query)
        if reply.content is not None:
            return reply.content
        if reply.status == _BAD_REQUEST and "cursor" in query:
            # The same request without a cursor was accepted, so it is the cursor.
            raise CursorExpired
        raise self._refusal(reply.status, reply.body, name)

    def _send(
        self, name: str, decode: Callable[[bytes], T], query: Mapping[str, str] | None
    ) -> Reply[T]:
        try:
            return self._http.request("GET", _VERSION + name, decode, params=query)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(
                f"{self.who}: {self._http.host} sent JSON that is not Loyverse's (GET "
                f"{_VERSION}{name}, {error}): check base_url."
            ) from None

    def _refusal(self, status: int, body: bytes, name: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        try:
            errors = msgspec.json.decode(body, type=_Errors).errors or [_Error()]
        except (msgspec.DecodeError, UnicodeDecodeError):
            errors = [_Error()]
        code = error_code(errors[0].code) or "no code"
        if status == _UNAUTHORIZED:
            return AccessDeniedError(
                f"{self.who}: Loyverse refuses the access token ({code}): create a new one in the "
                "Back Office under Access tokens and set it as the shop's access_token.",
                ends_shop=True,
            )
        if status in {_PAYMENT_REQUIRED, _FORBIDDEN}:
            scope = _SCOPES.get(name, "that this needs")
            return AccessDeniedError(
                f"{self.who}: the token may not read {name} ({status}, {code}): grant it the scope "
                f"{scope}, see whether the account's plan includes it, or deselect the stream.",
                ends_shop=False,
            )
        return UnexpectedAnswerError(
            f"{self.who}: Loyverse refused GET {_VERSION}{name} with {status} ({code}): check the "
            "shop's settings, and report it if they are right."
        )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lies_in(row: Changed, window: Window) -> bool:
    """Tell whether a row changed in a window; one that does not tell is taken along."""
    try:
        changed = parse_instant(row.updated_at or "")
    except ValueError:
        return True
    return window.start <= changed <= window.end
