"""Shopify's way of asking: one address, GraphQL, points, versions, lists sorted by id."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from tap_pos.errors import UnexpectedAnswerError
from tap_pos.http import BearerToken, HttpClient, Transient
from tap_pos.vendors.base import BadRecord
from tap_pos.vendors.pages import ListDecoder, Page
from tap_pos.vendors.shopify.budget import Budget, Cost
from tap_pos.vendors.shopify.ids import number
from tap_pos.vendors.shopify.refusals import GraphQLError, denied, refused, refused_request
from tap_pos.vendors.shopify.wire import PageInfo, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.shopify.queries import Query

T = TypeVar("T")

DEFAULT_VERSION = "2026-10"
_LARGEST_PAGE = 250
_VERSION_HEADER = "X-Shopify-API-Version"
_PASSING_CODES = {"INTERNAL_SERVER_ERROR", "TIMEOUT"}
_logger = logging.getLogger("tap-pos.shopify")


class _Extensions(Struct):
    cost: Cost | None = None


class _Answer(Struct):
    """What Shopify answers to every query."""

    data: dict[str, Raw] | None = None
    errors: list[GraphQLError] = []
    extensions: _Extensions | None = None


class _Nodes(Struct, rename="camel"):
    """A list at the root, its records still unread."""

    nodes: Raw
    page_info: PageInfo


class _TooCostly(Exception):  # noqa: N818 - a signal to ask for less at once
    """No bucket of this shop is large enough for the query."""


_ANSWER = msgspec.json.Decoder(_Answer)
_NODES = msgspec.json.Decoder(_Nodes | None)
_REFERENCES = msgspec.json.Decoder(list[Reference])
_RAWS = msgspec.json.Decoder(list[Raw])
_NOTHING = {b"null", b"{}"}
_NULL = Raw(b"null")


class Kind(Generic[T]):
    """How records of one kind are read from an answer.

    Args:
        struct: The struct of one record.
        size: How many to ask for at once, at most; what a page costs depends on it.
    """

    def __init__(self, struct: type[T], size: int = _LARGEST_PAGE) -> None:
        self.decode_list = ListDecoder(struct)
        self.size = size


class ShopifyApi:
    """Asks Shopify on behalf of one shop.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._who = f"Shop '{shop.id}'"
        self._version = shop.api_version or DEFAULT_VERSION
        self._budget = Budget(shop.requests_per_minute)
        self._costs: dict[tuple[str, Any], float] = {}
        self._sizes: dict[str, int] = {}
        self._served = self._version
        self._http = HttpClient(
            shop.base_url,
            auth=BearerToken(shop.access_token, "X-Shopify-Access-Token"),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            limits=limits,
            who=self._who,
            pace=self._budget,
        )

    def open(self, query: Query, struct: type[T]) -> tuple[T, datetime | None]:
        """Send the first query, whose answer is all its data.

        Returns:
            The value and Shopify's clock.

        Raises:
            AccessDeniedError: If the token is refused or lacks a scope.
            RegisterUnavailableError: If Shopify can't be reached or keeps failing.
            UnexpectedAnswerError: If Shopify refuses the query for any other reason.
        """
        answer, date = self._send(query, {})
        try:
            return msgspec.json.decode(msgspec.json.encode(answer.data), type=struct), date
        except msgspec.ValidationError as error:
            raise self._not_shopify(query, error) from None

    def find(self, query: Query, struct: type[T], **variables: str | None) -> T | None:
        """Look up one record, which is served as a whole or not at all.

        Returns:
            The record, None if Shopify has none.

        Raises:
            ShopError: As `open` does.
        """
        try:
            answer, _ = self._send(query, variables)
        except _TooCostly:
            raise self._too_costly(query) from None
        if errors := [error for error in answer.errors if not error.hides_detail]:
            raise refused(self._who, query, errors)
        value = (answer.data or {}).get(query.root, _NULL)
        try:
            return None if bytes(value) == b"null" else msgspec.json.decode(value, type=struct)
        except msgspec.ValidationError as error:
            raise self._not_shopify(query, error) from None

    def list_by_id(self, query: Query, kind: Kind[T], search: str = "") -> Iterator[Page[T]]:
        """Read a list at the root to its end, each page from the id above the last one's.

        Args:
            query: A query sorted by id.
            kind: How its records are read.
            search: What to search for.

        Raises:
            ShopError: As `open` does.
        """
        last = 0
        while True:
            found, page = self._page(query, kind, f"{search} id:>={last + 1}".strip())
            yield page
            if not found.page_info.has_next_page:
                return
            last = self._last(query, found.nodes, last)

    def list_by_cursor(self, query: Query, kind: Kind[T], search: str) -> Iterator[Page[T]]:
        """Read a list that can't be sorted, page after page.

        Raises:
            ShopError: As `open` does.
        """
        after: str | None = None
        while True:
            found, page = self._page(query, kind, search, after)
            yield page
            if not found.page_info.has_next_page:
                return
            after = found.page_info.end_cursor

    def _last(self, query: Query, nodes: Raw, before: int) -> int:
        """Take the id a page ends with, once it is sure that the pages are in order."""
        try:
            ids = [number(entry.id) for entry in _REFERENCES.decode(nodes)]
        except ValueError:
            ids = []
        if not ids or ids != sorted(ids) or ids[0] <= before:
            raise UnexpectedAnswerError(
                f"{self._who}: Shopify did not list {query.root} by id, so its pages can't be "
                "told apart: report it."
            )
        return ids[-1]

    def get_each(self, query: Query, kind: Kind[T], ids: Iterable[str]) -> Iterator[Page[T]]:
        """Read records by their full ids. What no longer exists is simply not there."""
        wanted = iter(ids)
        while chunk := list(islice(wanted, kind.size)):
            yield from self._by_ids(query, kind, chunk)

    def _by_ids(self, query: Query, kind: Kind[T], ids: Sequence[str]) -> Iterator[Page[T]]:
        try:
            answer, _ = self._send(query, {"ids": ids})
        except _TooCostly:
            half = len(ids) // 2
            if not half:
                raise self._too_costly(query) from None
            yield from self._by_ids(query, kind, ids[:half])
            yield from self._by_ids(query, kind, ids[half:])
            return
        try:
            raws = _RAWS.decode((answer.data or {}).get(query.root, _NULL))
        except msgspec.ValidationError as error:
            raise self._not_shopify(query, error) from None
        yield self._records(kind, raws, answer.errors)

    def _page(
        self, query: Query, kind: Kind[T], search: str, after: str | None = None
    ) -> tuple[_Nodes, Page[T]]:
        """Read one page of a list, asking for less at once where Shopify finds it too much."""
        while True:
            size = self._sizes.setdefault(query.text, kind.size)
            try:
                asked = {"first": size, "query": search}
                answer, _ = self._send(query, asked | {"after": after} if after else asked)
            except _TooCostly:
                if size == 1:
                    raise self._too_costly(query) from None
                self._sizes[query.text] = size // 2
                continue
            try:
                found = _NODES.decode((answer.data or {}).get(query.root, _NULL))
                if found is None:
                    raise denied(self._who, query, GraphQLError(path=[query.root]))
                if answer.errors:
                    return found, self._records(kind, _RAWS.decode(found.nodes), answer.errors)
                return found, kind.decode_list(found.nodes)
            except msgspec.ValidationError as error:
                raise self._not_shopify(query, error) from None

    def _records(
        self, kind: Kind[T], raws: Sequence[Raw], errors: Sequence[GraphQLError]
    ) -> Page[T]:
        """Decode records, but for those that don't exist or that Shopify could not complete."""
        faults = {error.node: error for error in errors if not error.hides_detail}
        sound = [
            raw
            for place, raw in enumerate(raws)
            if place not in faults and bytes(raw) not in _NOTHING
        ]
        page = kind.decode_list(msgspec.json.encode(sound))
        page.bad.extend(
            BadRecord(_id_of(raws, place), f"Shopify could not give {fault.field} ({fault.code})")
            for place, fault in faults.items()
        )
        return page

    def _send(self, query: Query, variables: dict[str, Any]) -> tuple[_Answer, datetime | None]:
        """Send a query; what comes back has data, and errors only about single records."""
        kind = (query.text, variables.get("first"))
        self._budget.expect(self._costs.get(kind, 0.0))
        try:
            reply = self._http.request(
                "POST",
                f"/admin/api/{self._version}/graphql.json",
                self._decode,
                body=msgspec.json.encode({"query": query.text, "variables": variables}),
            )
        except msgspec.ValidationError as error:
            raise self._not_shopify(query, error) from None
        if reply.content is None:
            raise refused_request(self._who, self._http.host, reply.status, self._version)
        self._check_version(reply)
        answer = reply.content
        if answer.extensions is not None and answer.extensions.cost is not None:
            self._costs[kind] = answer.extensions.cost.requested_query_cost
        self._check_errors(query, answer)
        return answer, reply.date

    def _decode(self, body: bytes) -> _Answer:
        """Decode an answer; one that only says "later" counts as a passing fault."""
        try:
            answer = _ANSWER.decode(body)
        except msgspec.ValidationError:
            # A body that broke off may look wrong before it looks short; being short it is retried.
            msgspec.json.decode(body)
            raise
        cost = answer.extensions.cost if answer.extensions else None
        if cost is not None:
            self._budget.learn(cost.throttle_status)
        codes = {error.code for error in answer.errors}
        if "THROTTLED" in codes:
            raise Transient(
                "throttled a query", retry_after=None if cost is None else cost.seconds_short()
            )
        if passing := sorted(codes & _PASSING_CODES):
            raise Transient(f"answered {passing[0]}")
        return answer

    def _check_errors(self, query: Query, answer: _Answer) -> None:
        """Refuse an answer that is not whole, unless only single records are not."""
        for error in answer.errors:
            if error.code == "MAX_COST_EXCEEDED":
                raise _TooCostly
            if error.code == "ACCESS_DENIED" and not error.hides_detail:
                raise denied(self._who, query, error)
        about_all = [
            error for error in answer.errors if error.node is None and not error.hides_detail
        ]
        if about_all or answer.data is None or (query.root and query.root not in answer.data):
            raise refused(self._who, query, about_all or answer.errors or [GraphQLError()])

    def _check_version(self, reply: Reply[_Answer]) -> None:
        """Notice when Shopify serves another version than was asked for.

        A version lives for a year; then Shopify answers with the oldest one it still has.
        """
        served = reply.headers.get(_VERSION_HEADER, self._served)
        if served == self._served:
            return
        if served < self._version:
            raise UnexpectedAnswerError(
                f"{self._who}: Shopify answers as version {served}, older than the api_version "
                f"{self._version}: set api_version to one that Shopify supports."
            )
        self._served = served
        _logger.warning(
            "%s: Shopify no longer serves version %s and answers as %s: set api_version to it "
            "and check what changed",
            self._who,
            self._version,
            served,
        )

    def _too_costly(self, query: Query) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"{self._who}: Shopify finds even one record of {query.root} too costly to read: "
            "report it."
        )

    def _not_shopify(self, query: Query, error: msgspec.ValidationError) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"{self._who}: {self._http.host} sent JSON that is not Shopify's "
            f"({query.root or 'shop'}, {error}): check base_url and api_version."
        )


def _id_of(raws: Sequence[Raw], place: int | None) -> str | None:
    """Read at least the id of an incomplete record."""
    try:
        return msgspec.json.decode(raws[place or 0], type=Reference).id
    except (IndexError, msgspec.ValidationError):
        return None
