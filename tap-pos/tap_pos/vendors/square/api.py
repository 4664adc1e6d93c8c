"""Square's way of asking: versions, pages, cursors, scopes and errors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tap_pos.errors import AccessDeniedError, CursorExpired, UnexpectedAnswerError
from tap_pos.http import BearerToken, HttpClient
from tap_pos.pacing import Pace
from tap_pos.vendors import background
from tap_pos.vendors.texts import error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.pages import Page

T = TypeVar("T")
Query = Mapping[str, Any]

DEFAULT_BASE_URL = "https://connect.squareup.com"
DEFAULT_VERSION = "2025-08-20"
_WORKERS = 4
_UNAUTHORIZED, _FORBIDDEN, _BAD_REQUEST, _NOT_FOUND = 401, 403, 400, 404
_SCOPES = {
    "customers": "CUSTOMERS_READ",
    "orders": "ORDERS_READ",
    "payments": "PAYMENTS_READ",
    "refunds": "PAYMENTS_READ",
    "catalog": "ITEMS_READ",
    "locations": "MERCHANT_PROFILE_READ",
    "team-members": "EMPLOYEES_READ",
    "loyalty": "LOYALTY_READ",
}


class _Error(Struct):
    code: str = "no code"
    field: str | None = None


class _Errors(Struct):
    errors: list[_Error] = []


class SquareApi:
    """Asks Square on behalf of one shop.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._who = f"Shop '{shop.id}'"
        self._http = HttpClient(
            shop.base_url or DEFAULT_BASE_URL,
            auth=BearerToken(shop.access_token),
            headers={
                "Square-Version": shop.api_version or DEFAULT_VERSION,
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            limits=limits,
            who=self._who,
            pace=Pace(shop.requests_per_minute) if shop.requests_per_minute else None,
        )

    def ask(
        self, method: str, path: str, decode: Callable[[bytes], T], query: Query | None = None
    ) -> tuple[T, datetime | None]:
        """Send one request.

        Args:
            method: ``GET`` or ``POST``.
            path: Such as ``/v2/locations``.
            decode: Turns the answer into a value.
            query: Parameters of a GET, body of a POST.

        Returns:
            The value and Square's clock.

        Raises:
            AccessDeniedError: If the token is refused or lacks a permission.
            RegisterUnavailableError: If Square can't be reached or keeps failing.
            UnexpectedAnswerError: If Square refuses the request for any other reason.
        """
        reply = self._send(method, path, decode, query)
        if reply.content is None:
            raise self._refusal(reply.status, reply.body, method, path)
        return reply.content, reply.date

    def pages(
        self, method: str, path: str, decode: Callable[[bytes], Page[T]], query: Query
    ) -> Iterator[Page[T]]:
        """Read a list, page after page, fetching the next page while this one is used.

        Raises:
            CursorExpired: If Square no longer knows the place it gave out.
            ShopError: As `ask` does.
        """
        page = self._page(method, path, decode, query)
        while page.cursor:
            following = background.start(
                partial(self._page, method, path, decode, {**query, "cursor": page.cursor})
            )
            yield page
            page = following()
        yield page

    def get_each(
        self, path: str, ids: Iterable[str], decode: Callable[[bytes], T]
    ) -> Iterator[tuple[str, T | None]]:
        """Read records one by one, several at once.

        Args:
            path: Path with ``{}`` where the id goes.
            ids: Which ones.
            decode: Turns an answer into a value.

        Yields:
            Each id with its record, or with None if Square has none under that id.
        """

        def fetch(identity: str) -> tuple[str, T | None]:
            where = path.format(quote(identity, safe=""))
            reply = self._send("GET", where, decode, None)
            if reply.content is None and reply.status != _NOT_FOUND:
                raise self._refusal(reply.status, reply.body, "GET", where)
            return identity, reply.content

        return background.each(fetch, ids, _WORKERS)

    def _page(
        self, method: str, path: str, decode: Callable[[bytes], Page[T]], query: Query
    ) -> Page[T]:
        reply = self._send(method, path, decode, query)
        if reply.content is not None:
            return reply.content
        if reply.status == _BAD_REQUEST and "cursor" in query:
            # The same request without a cursor was accepted, so it is the cursor.
            raise CursorExpired
        raise self._refusal(reply.status, reply.body, method, path)

    def _send(
        self, method: str, path: str, decode: Callable[[bytes], T], query: Query | None
    ) -> Reply[T]:
        sent: dict[str, Any] = {}
        if query is not None:
            sent = {"params": query} if method == "GET" else {"body": msgspec.json.encode(query)}
        try:
            return self._http.request(method, path, decode, **sent)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(
                f"{self._who}: {self._http.host} sent JSON that is not Square's ({method} {path}, "
                f"{error}): check base_url and api_version."
            ) from None

    def _refusal(self, status: int, body: bytes, method: str, path: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        try:
            errors = msgspec.json.decode(body, type=_Errors).errors or [_Error()]
        except (msgspec.DecodeError, UnicodeDecodeError):
            errors = [_Error()]
        code = error_code(errors[0].code) or "no code"
        if status == _UNAUTHORIZED:
            return AccessDeniedError(
                f"{self._who}: Square refuses the access token ({code}): create a new one in the "
                "Square Developer Console and set it as the shop's access_token.",
                ends_shop=True,
            )
        if status == _FORBIDDEN:
            scope = _SCOPES.get(path.split("/")[2], "this data")
            return AccessDeniedError(
                f"{self._who}: the access token may not read {path.split('/')[2]} ({code}): "
                f"grant it the permission {scope}, or deselect the stream.",
                ends_shop=False,
            )
        name = error_code(errors[0].field)
        field = f" for {name}" if name else ""
        return UnexpectedAnswerError(
            f"{self._who}: Square refused {method} {path} with {status} ({code}{field}): "
            "check the shop's settings, and report it if they are right."
        )
