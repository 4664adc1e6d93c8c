"""A shop whose register knows no API: every evening somebody exports the day into a folder.

There is nothing to answer, so this fake serves no HTTP. A sale that changes later is in the
new export of its old day, which replaces the file; lists of customers get the day's date.
"""

from __future__ import annotations

import csv
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fake import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from random import Random

    from typing_extensions import Self

    from tap_pos.testing.fake import Request

_LONG_AGO = 1_577_836_800
"""2020: the files' times must look settled to the machine that runs the test."""

_SALES = """
  - names: ["sales-*.csv"]
    orders:
      id: Receipt
      created_at: {join: [Date, Time]}
      customer: Customer
      location: Branch
      state: {column: Void, words: {x: cancelled}, otherwise: completed}
      total: Total
    lines:
      product: Article
      name: Text
      quantity: Quantity
      unit_price: Price
      discount: Discount
      source_order: Original
"""
_PAYMENT = "{amount: Paid, method: {column: Means, words: {EC: card, BAR: cash}}, zero: no payment}"
_PAYMENTS_WITHIN = f"    payments: [{_PAYMENT}]\n"
_PAYMENTS_APART = f"""
  - names: ["payments-*.csv"]
    orders: {{id: Receipt}}
    payments: [{_PAYMENT}]
"""
_PEOPLE_AND_PRODUCTS = """
  - names: ["customers-*.csv"]
    customers:
      id: Number
      given_name: First
      email: Mail
      consents:
        - {column: News, channels: [email], purpose: marketing, given: [ja], withdrawn: [nein]}
  - names: [products.csv]
    products: {id: Article, name: Text, price: Price}
"""
_HEAD = "version: 1\nnumbers: {decimal: comma}\ndates: [DD.MM.YYYY HH:mm:ss]\nfiles:\n"


@dataclass
class _Sale:
    number: str
    sold_at: datetime
    lines: list[tuple[str, int, int, int]]
    customer: str = ""
    means: str = "EC"
    void: bool = False
    original: str = ""

    @property
    def total(self) -> int:
        return sum(quantity * price - discount for _, quantity, price, discount in self.lines)


@dataclass
class _Shop:
    sales: dict[str, _Sale] = field(default_factory=dict)
    customers: dict[str, dict[str, str]] = field(default_factory=dict)
    products: dict[str, tuple[str, int]] = field(default_factory=dict)


class FakeExports(ConformingFake):
    """The folder, and the register that exports into it.

    Args:
        now: What the register's clock says.
        payments_apart: Whether payments are exported into files of their own.
    """

    vendor: ClassVar[str] = "exports"

    def __init__(self, now: datetime | None = None, *, payments_apart: bool = False) -> None:
        super().__init__(now)
        self.folder = Path()
        self._payments_apart = payments_apart
        self._shop = _Shop()
        self._writes = 0

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Keep the folder until the block ends."""
        with TemporaryDirectory() as folder:
            self.folder = Path(folder)
            payments = _PAYMENTS_APART if self._payments_apart else _PAYMENTS_WITHIN
            mapping = _HEAD + _SALES + payments + _PEOPLE_AND_PRODUCTS
            Path(folder, "mapping.yml").write_text(mapping, encoding="utf-8")
            self._export_products()
            yield self

    def answer(self, request: Request) -> Answer:
        """Answer nothing: a folder is not asked over HTTP."""
        return Answer(404, {"path": request.path})

    def settings(self) -> dict[str, Any]:
        """Name the folder."""
        return {
            "vendor": "exports",
            "shop_id": "corner",
            "exports_folder": str(self.folder),
            "exports_mapping": str(self.folder / "mapping.yml"),
            "timezone": "UTC",
            "currency": "EUR",
        }

    def expire_cursors(self) -> None:
        """Do nothing: files are not read by pages."""

    def specification(self) -> AbstractContextManager[None]:
        """Refuse: nobody has specified what is in a shop's folder."""
        raise SpecificationMissing("exports are files of any form: no specification exists")

    def truth(self) -> Facts:
        """Say what was passed to the actions."""
        return {
            "orders": {
                sale.number: {
                    "state": "cancelled" if sale.void else "completed",
                    "net": sale.total,
                    "total": sale.total,
                    "len(lines)": len(sale.lines),
                    "refunded": max(0, -sale.total),
                }
                for sale in self._shop.sales.values()
            },
            "customers": {
                number: {"given_name": person["First"], "email": person["Mail"]}
                for number, person in self._shop.customers.items()
            },
            "products": {
                article: {"name": name, "price": price}
                for article, (name, price) in self._shop.products.items()
            },
            "locations": {"Main": {"name": "Main"}} if self._shop.sales else {},
        }

    def sell(self, chance: Random) -> None:
        """Ring up a sale now."""
        self._sell(chance, self.now)

    def sell_late(self, chance: Random) -> None:
        """Find a sale that a register which was offline made hours ago: in an old day's file."""
        self._sell(chance, self.now - timedelta(hours=chance.randint(1, 60)))

    def refund(self, chance: Random) -> None:
        """Take goods back under a number of their own."""
        sales = [sale for sale in self._shop.sales.values() if sale.total > 0 and not sale.void]
        if sales:
            sale = chance.choice(sales)
            lines = [(article, -n, price, -off) for article, n, price, off in sale.lines]
            self._ring_up(lines, self.now, sale.customer, chance, original=sale.number)

    def change_sale(self, chance: Random) -> None:
        """Put an earlier sale on another customer; export its day again."""
        self._change(chance, lambda sale: setattr(sale, "customer", self._anybody(chance)))

    def cancel_sale(self, chance: Random) -> None:
        """Void an earlier sale; export its day again."""
        self._change(chance, lambda sale: setattr(sale, "void", True))

    def add_customer(self, chance: Random) -> None:
        """Take down a customer; export the day's list."""
        number = f"K{len(self._shop.customers) + 1:04}"
        self._shop.customers[number] = {
            "First": chance.choice(("Zoë", "يوسف", "=1+1", "Bo; Ann")),
            "Mail": f"{number.lower()}@example.org",
            "News": chance.choice(("ja", "nein", "")),
        }
        self._export_customers()

    def change_customer(self, chance: Random) -> None:
        """Change a customer's name; export the day's list."""
        if self._shop.customers:
            person = self._shop.customers[self._anybody(chance)]
            person["First"] += "x"
            person["News"] = chance.choice(("ja", "nein", ""))
            self._export_customers()

    def add_product(self, chance: Random) -> None:
        """Take a product into the range; export all products again."""
        article = f"{len(self._shop.products) + 1:05}"
        self._shop.products[article] = (f"Tee {article} ☕", chance.choice((0, 350, 123_456)))
        self._export_products()

    def change_product(self, chance: Random) -> None:
        """Change a price; export all products again."""
        if self._shop.products:
            article = chance.choice(sorted(self._shop.products))
            name, price = self._shop.products[article]
            self._shop.products[article] = (name, price + 5)
            self._export_products()

    def _sell(self, chance: Random, sold_at: datetime) -> None:
        lines = [
            (f"{chance.randint(1, 9):05}", chance.randint(1, 3), chance.choice((0, 99, 250_000)), 0)
            for _ in range(chance.randint(1, 3))
        ]
        article, quantity, price, _ = lines[0]
        lines[0] = (article, quantity, price, price // 10)
        self._ring_up(lines, sold_at, self._anybody(chance), chance)

    def _ring_up(
        self,
        lines: list[tuple[str, int, int, int]],
        sold_at: datetime,
        customer: str,
        chance: Random,
        original: str = "",
    ) -> None:
        number = f"{len(self._shop.sales) + 1:06}"
        means = chance.choice(("EC", "BAR"))
        sale = _Sale(number, sold_at, lines, customer, means, original=original)
        self._shop.sales[number] = sale
        self._export_day(sale)

    def _change(self, chance: Random, change: Any) -> None:
        if self._shop.sales:
            sale = chance.choice(list(self._shop.sales.values()))
            change(sale)
            self._export_day(sale)

    def _anybody(self, chance: Random) -> str:
        return chance.choice(sorted(self._shop.customers) or [""])

    def _export_day(self, changed: _Sale) -> None:
        day = changed.sold_at.date()
        sales = [sale for sale in self._shop.sales.values() if sale.sold_at.date() == day]
        paid = ["Paid", "Means"]
        header = ["Receipt", "Date", "Time", "Branch", "Customer", "Void", "Total", "Original",
                  "Article", "Text", "Quantity", "Price", "Discount"]  # fmt: skip
        within = not self._payments_apart
        rows = [row for sale in sales for row in _rows(sale, within=within)]
        self._write(f"sales-{day}.csv", [*header, *(paid if within else ())], rows)
        if not within:
            rows = [[sale.number, _amount(sale.total), sale.means] for sale in sales]
            self._write(f"payments-{day}.csv", ["Receipt", *paid], rows)

    def _export_customers(self) -> None:
        rows = [[number, *person.values()] for number, person in self._shop.customers.items()]
        name = f"customers-{self.now.date()}.csv"
        self._write(name, ["Number", "First", "Mail", "News"], rows)

    def _export_products(self) -> None:
        rows = [
            [article, name, _amount(price)]
            for article, (name, price) in self._shop.products.items()
        ]
        self._write("products.csv", ["Article", "Text", "Price"], rows)

    def _write(self, name: str, header: list[str], rows: Sequence[Sequence[str]]) -> None:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([header, *rows])
        self._writes += 1
        os.utime(path, (_LONG_AGO + self._writes,) * 2)


def _rows(sale: _Sale, *, within: bool) -> Iterator[list[str]]:
    """Write a sale as rows: its own facts in each, what was paid in the first."""
    for number, (article, quantity, price, discount) in enumerate(sale.lines):
        row = [
            sale.number, f"{sale.sold_at:%d.%m.%Y}", f"{sale.sold_at:%H:%M:%S}", "Main",
            sale.customer, "x" if sale.void else "", _amount(sale.total), sale.original,
            article, f"Tee {article}", str(quantity), _amount(price), _amount(discount),
        ]  # fmt: skip
        if within:
            row += [_amount(sale.total), sale.means] if number == 0 else ["", ""]
        yield row


def _amount(cents: int) -> str:
    """Write an amount with points between thousands, and a minus behind it."""
    whole, part = divmod(abs(cents), 100)
    grouped = f"{whole:,}".replace(",", ".")
    return f"{grouped},{part:02}{'-' if cents < 0 else ''}"
