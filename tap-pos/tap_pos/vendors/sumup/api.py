"""SumUp's way of asking: one merchant, links to the next page, and what refusals mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from msgspec import Struct

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError
from tap_pos.http import BearerToken, HttpClient
from tap_pos.pacing import Pace
from tap_pos.vendors import background
from tap_pos.vendors.base import BadRecord
from tap_pos.vendors.sumup import wire
from tap_pos.vendors.texts import error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings

T = TypeVar("T")
Query = dict[str, str]

DEFAULT_BASE_URL = "https://api.sumup.com"
# SumUp names no largest page; whatever it makes of this number, its links lead on.
_ROWS = "100"
_WORKERS = 4
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_HISTORY = msgspec.json.Decoder(wire.History)
_TRANSACTION = msgspec.json.Decoder(wire.Transaction)


class _Problem(Struct):
    error_code: str | None = None
    title: str | None = None


class SumUpApi:
    """Asks SumUp about one merchant. Safe to use from several threads.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._who = f"Shop '{shop.id}'"
        self._merchant = quote(shop.merchant_id, safe="")
        self._http = HttpClient(
            shop.base_url or DEFAULT_BASE_URL,
            auth=BearerToken(shop.access_token),
            headers={"Accept": "application/json"},
            limits=limits,
            who=self._who,
            pace=Pace(shop.requests_per_minute) if shop.requests_per_minute else None,
        )

    def ask(self, path: str, decode: Callable[[bytes], T], query: Query | None = None) -> Reply[T]:
        """Send one request.

        Args:
            path: Path with ``{}`` where the merchant's code goes.
            decode: Turns the answer into a value.
            query: Its parameters.

        Returns:
            The answer, with content.

        Raises:
            AccessDeniedError: If the API key is refused or lacks a permission.
            RegisterUnavailableError: If SumUp can't be reached or keeps failing.
            UnexpectedAnswerError: If it refuses the request for any other reason.
        """
        reply = self._send(path, decode, query)
        if reply.content is None:
            raise self._refusal(reply, path)
        return reply

    def history(self, query: Query) -> Iterator[list[wire.Entry]]:
        """Read the history, oldest first, to its last page.

        A link may name only the place where it goes on, so what was asked for is kept.
        """
        asked = {"limit": _ROWS, "order": "ascending", **query}
        path = "/v2.1/merchants/{}/transactions/history"
        while True:
            page = self.ask(path, _HISTORY.decode, asked).content or wire.History()
            yield page.items or []
            links = (link.href for link in page.links or () if link.rel == "next")
            if (href := next(links, None)) is None:
                return
            following = {**asked, **dict(parse_qsl(_query_of(href)))}
            if following == asked:
                raise UnexpectedAnswerError(
                    f"{self._who}: SumUp's history goes round in circles: report it."
                )
            asked = following

    def transactions(
        self, ids: Iterable[str]
    ) -> Iterator[tuple[str, wire.Transaction | BadRecord]]:
        """Ask for transactions in full, some at once.

        Yields:
            Each id with its transaction, or with why there is none.
        """
        path = "/v2.1/merchants/{}/transactions"

        def fetch(identity: str) -> tuple[str, wire.Transaction | BadRecord]:
            reply = self._send(path, _decode_transaction, {"id": identity})
            if reply.content is None and reply.status != _NOT_FOUND:
                raise self._refusal(reply, path)
            if isinstance(reply.content, wire.Transaction):
                return identity, reply.content
            reason = reply.content or "SumUp lists it, but does not give it"
            return identity, BadRecord(identity, reason)

        return background.each(fetch, ids, _WORKERS)

    def _send(self, path: str, decode: Callable[[bytes], T], query: Query | None) -> Reply[T]:
        def decode_whole(body: bytes) -> T:
            try:
                return decode(body)
            except msgspec.ValidationError:
                # An answer may look wrong only because it broke off: that counts as cut off.
                msgspec.json.decode(body, type=msgspec.Raw)
                raise

        try:
            return self._http.request(
                "GET", path.format(self._merchant), decode_whole, params=query
            )
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(
                f"{self._who}: {self._http.host} sent JSON that is not SumUp's ({path}, {error}): "
                "check base_url."
            ) from None

    def _refusal(self, reply: Reply[Any], path: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        try:
            problem = msgspec.json.decode(reply.body, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = _Problem()
        code = error_code(problem.error_code) or error_code(problem.title) or "no reason given"
        what, scope = _what_and_scope(path)
        if reply.status == _UNAUTHORIZED:
            return AccessDeniedError(
                f"{self._who}: SumUp refuses the API key ({code}): make a new one in SumUp's "
                "developer settings and set it as the shop's access_token.",
                ends_shop=True,
            )
        if reply.status == _FORBIDDEN:
            return AccessDeniedError(
                f"{self._who}: the access token may not read {what} ({code}): grant it {scope}, "
                "or deselect the stream.",
                ends_shop=False,
            )
        if reply.status == _NOT_FOUND:
            return AccessDeniedError(
                f"{self._who}: SumUp has no merchant of that code for this API key ({code}): "
                "check merchant_id.",
                ends_shop=True,
            )
        return UnexpectedAnswerError(
            f"{self._who}: SumUp refused GET {path} with {reply.status} ({code}): "
            "check the shop's settings, and report it if they are right."
        )


def _decode_transaction(body: bytes) -> wire.Transaction | str:
    """Decode a transaction; one that breaks SumUp's own rules becomes the reason."""
    try:
        return _TRANSACTION.decode(body)
    except msgspec.ValidationError as error:
        msgspec.json.decode(body, type=msgspec.Raw)
        return str(error)


def _query_of(href: str) -> str:
    """Take the parameters of a link, which may be nothing but them."""
    return urlsplit(href).query if "?" in href else href


def _what_and_scope(path: str) -> tuple[str, str]:
    """Name what is asked for, and what an OAuth token needs; an API key needs no scopes."""
    if "/transactions" in path:
        return "transactions", "the scope transactions.history"
    if "/members" in path:
        return "members", "the scope members.read"
    return "the merchant", "the scope user.profile_readonly"
