"""SumUp: payments taken with its readers and online, with the products they were for.

SumUp has no orders, catalogue or list of customers: a transaction is an order of one payment.
What changed is listed by `changes_since`, which includes that instant but has no end; what
was sold in a transaction is told only by asking for it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from tap_pos.errors import Unmappable
from tap_pos.vendors.base import BadRecord, Batch, ShopReader, Source, Vendor, WholeTable, Windowed
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page
from tap_pos.vendors.sumup import wire
from tap_pos.vendors.sumup.api import SumUpApi
from tap_pos.vendors.sumup.directory import location, read_employees
from tap_pos.vendors.sumup.order_mapping import ShopFacts, order_of
from tap_pos.vendors.texts import instant
from tap_pos.webhooks import header, hmac_sha256, matches_hex
from tap_pos.windows import Window, format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.http import Limits
    from tap_pos.records import Order
    from tap_pos.settings import ShopSettings

_BEGINNING_OF_SUMUP = datetime(2011, 1, 1, tzinfo=timezone.utc)
# SumUp does not say how soon the history shows a change.
_LOOKBACK = timedelta(minutes=5)
_SECOND = timedelta(seconds=1)
_MERCHANT = msgspec.json.Decoder(wire.Merchant)
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-fA-F]{64})").fullmatch
_SIGNATURE_HOLDS = timedelta(minutes=5)


class SumUpShop:
    """One merchant's account, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._api = SumUpApi(shop, limits)
        reply = self._api.ask("/v1/merchants/{}", _MERCHANT.decode)
        assert reply.content is not None  # noqa: S101 - `ask` has made sure
        self._merchant = reply.content
        self.now = (reply.date or datetime.now(timezone.utc)).replace(microsecond=0)
        self.history_starts_at = _opening(self._merchant)
        self._facts = ShopFacts(
            shop.id,
            self._merchant.merchant_code,
            shop.day_starts_at(),
            ZoneInfo(shop.timezone or "UTC"),
        )
        self._is_first_sync = False
        self._read_since: datetime | None = None
        self.streams: Mapping[str, Source] = {
            "locations": WholeTable(self._read_location),
            "employees": WholeTable(partial(read_employees, self._api, shop.id)),
            "orders": Windowed(self._read_orders, lookback=_LOOKBACK),
        }

    def _read_location(self) -> Iterator[Batch]:
        try:
            yield Batch([location(self._shop.id, self._merchant, self._shop.timezone)])
        except Unmappable as error:
            yield Batch([], [BadRecord(self._merchant.merchant_code, str(error))])

    def _read_orders(self, window: Window) -> Iterator[Batch]:
        """Read every transaction that was changed in a window, or made in it.

        A first sync goes by the time of creation, which has an end too, so that it can be
        interrupted: each transaction is read as it is by then. Later ones go by change; there
        the first window brings all that the others would bring again.
        """
        self._is_first_sync = self._is_first_sync or window.start < _BEGINNING_OF_SUMUP
        if self._is_first_sync:
            yield from self._batches(
                {
                    "oldest_time": format_instant(window.start),
                    "newest_time": format_instant(window.end + _SECOND),
                }
            )
        elif self._read_since is None or window.start < self._read_since:
            yield from self._batches({"changes_since": format_instant(window.start)})
            self._read_since = window.start

    def _batches(self, query: dict[str, str]) -> Iterator[Batch]:
        for entries in self._api.history(query):
            batch = Batch([])
            kinds = _kinds(entries, batch.bad)
            transactions: Page[wire.Transaction] = Page([], None, batch.bad)
            for _, found in self._api.transactions(sorted(kinds)):
                if isinstance(found, BadRecord):
                    transactions.bad.append(found)
                else:
                    transactions.items.append(found)
            yield map_all(transactions, partial(self._to_record, kinds))

    def _to_record(self, kinds: Mapping[str, str], paid: wire.Transaction) -> Order:
        # Asked for by the id of a refund, SumUp may answer with the payment.
        return order_of(self._facts, paid, kinds.get(paid.id, "PAYMENT"))


def _kinds(entries: list[wire.Entry], bad: list[BadRecord]) -> dict[str, str]:
    """Tell which transactions a page of the history is about, and what they are.

    An entry about money given back names the payment's transaction; only one that names none
    but itself stands alone.
    """
    kinds: dict[str, str] = {}
    for entry in entries:
        identity = entry.transaction_id or entry.id
        if identity is None:
            bad.append(BadRecord(None, "an entry of the history names no transaction"))
            continue
        is_about_another = entry.id is not None and entry.id != identity
        kind = "PAYMENT" if is_about_another else entry.type or "PAYMENT"
        if kinds.get(identity) != "PAYMENT":
            kinds[identity] = kind
    return kinds


def _opening(merchant: wire.Merchant) -> datetime:
    """Tell when the account was opened."""
    try:
        opened = instant(merchant.created_at)
    except Unmappable:
        opened = None
    return parse_instant(opened) if opened else _BEGINNING_OF_SUMUP


def _is_genuine(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    url: str = "",  # noqa: ARG001 - part of every vendor's signature, not signed here
    now: datetime | None = None,
) -> bool:
    """Verify a webhook: the hex HMAC-SHA256 of version, time and body, five minutes at most.

    The rule is that of SumUp's own library (sumup 0.4.0).
    """
    found = _SIGNATURE(header(headers, "X-SumUp-Webhook-Signature"))
    if found is None:
        return False
    signed_at, signature = found.groups()
    age = (now or datetime.now(timezone.utc)).timestamp() - int(signed_at)
    if abs(age) > _SIGNATURE_HOLDS.total_seconds():
        return False
    return matches_hex(signature, hmac_sha256(secret, b"v1:" + signed_at.encode() + b":" + body))


class SumUp(Vendor):
    """The vendor."""

    name = "sumup"
    streams = frozenset({"locations", "employees", "orders"})
    required_settings = frozenset({"access_token", "merchant_id"})
    optional_settings = frozenset({"base_url", "requests_per_minute", "timezone"})
    verify_webhook = staticmethod(_is_genuine)

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one merchant's account.

        Raises:
            ShopError: If the key is refused or can't read that merchant.
        """
        return SumUpShop(shop, limits)


SUMUP = SumUp()
