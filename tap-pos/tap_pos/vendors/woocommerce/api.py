"""WooCommerce's way of asking: keys, pages, totals in headers, and what refusals mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from requests.auth import HTTPBasicAuth

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError
from tap_pos.http import HttpClient
from tap_pos.pacing import Pace
from tap_pos.vendors import background
from tap_pos.vendors.texts import error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.pages import ListDecoder, Page

T = TypeVar("T")
Query = dict[str, str]

LARGEST_PAGE = 100
"""WooCommerce refuses to send more rows than this in one answer."""

_NAMESPACE = "/wp-json/wc/v3"
_WORKERS = 4
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_REDIRECTS = range(300, 400)


class _Problem(Struct):
    code: str | int | None = None


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One answer to a request for a list.

    Attributes:
        page: The rows.
        body: The same, undecoded.
        pages: How many pages the list has.
        total: How many rows it has, on all pages.
    """

    page: Page[T]
    body: bytes
    pages: int
    total: int


class WooApi:
    """Asks one WooCommerce site. Safe to use from several threads.

    The consumer key travels in the header of encrypted requests only, and only to
    WooCommerce's own routes: WordPress itself would take it for a person's password.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._who = f"Shop '{shop.id}'"
        pace = Pace(shop.requests_per_minute) if shop.requests_per_minute else None

        def client(auth: HTTPBasicAuth | None) -> HttpClient:
            return HttpClient(
                shop.base_url,
                auth=auth,
                headers={"Accept": "application/json"},
                limits=limits,
                who=self._who,
                pace=pace,
            )

        self._shop = client(
            HTTPBasicAuth(shop.consumer_key.encode(), shop.consumer_secret.encode())
        )
        self._public = client(None)

    def ask(self, path: str, decode: Callable[[bytes], T], query: Query | None = None) -> Reply[T]:
        """Send one request to WooCommerce.

        Args:
            path: Path below the API, such as ``/orders``.
            decode: Turns the answer into a value.
            query: Its parameters.

        Returns:
            The answer, with content.

        Raises:
            AccessDeniedError: If the key is refused or its user lacks a permission.
            RegisterUnavailableError: If the site can't be reached or keeps failing.
            UnexpectedAnswerError: If it refuses the request for any other reason.
        """
        reply = self.try_to_ask(path, decode, query)
        if reply.content is None:
            raise self.refusal(reply, path)
        return reply

    def try_to_ask(
        self, path: str, decode: Callable[[bytes], T], query: Query | None = None
    ) -> Reply[T]:
        """Send one request that may be refused; the content is None then."""
        return self._send(self._shop, _NAMESPACE + path, decode, query)

    def site(self, decode: Callable[[bytes], T], query: Query) -> T | None:
        """Ask WordPress what it tells everybody; None where a plugin forbids that."""
        return self._send(self._public, "/wp-json/", decode, query).content

    def page(self, path: str, decode: ListDecoder[T], query: Query) -> Listing[T]:
        """Get one page of a list.

        Raises:
            ShopError: As `ask` does.
        """
        reply = self.ask(path, decode, {"per_page": str(LARGEST_PAGE), **query})
        assert reply.content is not None  # noqa: S101 - `ask` has made sure
        return Listing(
            reply.content,
            reply.body,
            self._count(reply.headers, "X-WP-TotalPages", path),
            self._count(reply.headers, "X-WP-Total", path),
        )

    def get_each(
        self,
        path: str,
        ids: Iterable[int],
        decode: Callable[[bytes], T],
        query: Query | None = None,
    ) -> Iterator[tuple[int, T | None]]:
        """Ask for several records, some at once.

        Args:
            path: Path with ``{}`` where the id goes.
            ids: Which ones.
            decode: Turns an answer into a value.
            query: Parameters of each request.

        Yields:
            Each id with what was found, or with None if there is nothing under that id.
        """

        def fetch(number: int) -> tuple[int, T | None]:
            where = path.format(number)
            reply = self.try_to_ask(where, decode, query)
            if reply.content is None and reply.status != _NOT_FOUND:
                raise self.refusal(reply, where)
            return number, reply.content

        return background.each(fetch, ids, _WORKERS)

    def refusal(self, reply: Reply[Any], path: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        host = self._shop.host
        code = _code(reply.body)
        what = path.split("/")[1]
        if reply.status == _UNAUTHORIZED:
            return AccessDeniedError(
                f"{self._who}: WooCommerce refuses the consumer key ({code or 'no reason given'}): "
                "check consumer_key and consumer_secret, that the key has the permission Read, and "
                "that the web server passes the Authorization header on to PHP.",
                ends_shop=True,
            )
        if reply.status == _FORBIDDEN and code is not None:
            return AccessDeniedError(
                f"{self._who}: the user of the consumer key may not read {what} ({code}): make "
                "the key for a shop manager or an administrator, or deselect the stream.",
                ends_shop=False,
            )
        if reply.status == _FORBIDDEN:
            return AccessDeniedError(
                f"{self._who}: a firewall in front of {host} refuses the request: "
                "let this machine read the paths below /wp-json/wc/v3.",
                ends_shop=True,
            )
        if reply.status in _REDIRECTS:
            target = urlsplit(reply.headers.get("Location") or "").netloc or "elsewhere"
            return UnexpectedAnswerError(
                f"{self._who}: {host} sends visitors on to {target}: "
                "set base_url to the address at which the site really answers."
            )
        if reply.status == _NOT_FOUND and code in {None, "rest_no_route"}:
            return UnexpectedAnswerError(
                f"{self._who}: {host} has no WooCommerce API at /wp-json/wc/v3{path}: check "
                "base_url, that WooCommerce is active and up to date, and that the site's "
                "permalinks are not set to plain."
            )
        return UnexpectedAnswerError(
            f"{self._who}: WooCommerce refused GET {path} with {reply.status} "
            f"({code or 'no reason given'}): check the shop's settings, and report it if they "
            "are right."
        )

    def unexpected(self, path: str, what: str) -> UnexpectedAnswerError:
        """Say that an answer breaks WooCommerce's own rules, so that nothing is lost silently."""
        return UnexpectedAnswerError(f"{self._who}: {self._shop.host} {what} (GET {path}).")

    def _send(
        self, client: HttpClient, path: str, decode: Callable[[bytes], T], query: Query | None
    ) -> Reply[T]:
        def decode_whole(body: bytes) -> T:
            try:
                return decode(body)
            except msgspec.ValidationError:
                # A list may look wrong only because it broke off: that counts as cut off.
                msgspec.json.decode(body, type=msgspec.Raw)
                raise

        try:
            return client.request("GET", path, decode_whole, params=query)
        except msgspec.ValidationError as error:
            raise self.unexpected(
                path, f"sent JSON that is not WooCommerce's ({error}): check base_url"
            ) from None

    def _count(self, headers: Mapping[str, str], name: str, path: str) -> int:
        """Read a header without which nobody knows whether a list goes on."""
        text = headers.get(name, "")
        if not text.isdecimal():
            raise self.unexpected(
                path, f"left out the header {name}: let the caches and proxies before it pass it on"
            )
        return int(text)


def _code(body: bytes) -> str | None:
    """Read the name of an error; None if WooCommerce did not write this answer."""
    try:
        code = msgspec.json.decode(body, type=_Problem).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return str(code) if isinstance(code, int) else error_code(code)
