"""Printed receipts in a text file, taken apart by patterns that the mapping declares.

A receipt proves itself: its lines, discounts and tax have to add up to its total, and its
payments too. A line of an item that no pattern fits therefore never goes missing unseen.
"""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from tap_pos.errors import Unmappable
from tap_pos.vendors.base import BadRecord
from tap_pos.vendors.exports.baskets import Basket
from tap_pos.vendors.exports.folder import UnreadableFile
from tap_pos.vendors.exports.patterns import LONGEST_LINE, compiled
from tap_pos.vendors.exports.rows import derived_id

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from pathlib import Path

    from tap_pos.vendors.exports.rows import Texts, Writing
    from tap_pos.vendors.exports.sections import Receipts

_ADDED_UP = frozenset({"discount", "tax", "tip", "service_charge"})
_MOST_LINES = 10_000


class ReceiptReader:
    """Reads the receipts of one file.

    Args:
        template: What the mapping declares.
        writing: How the file writes numbers and dates.
        file_name: For telling where something is wrong.
    """

    def __init__(self, template: Receipts, writing: Writing, file_name: str) -> None:
        self._separator = compiled(template.separator) if template.separator else None
        self._begins = compiled(template.begins) if template.begins else None
        self._methods = {
            said.strip().casefold(): method for said, method in template.methods.items()
        }
        self._writing = writing
        self._file_name = file_name
        self._tells_payments = any(pattern.payments for pattern in template.patterns)
        self._patterns: list[tuple[str, re.Pattern[str], bool]] = []
        for pattern in template.patterns:
            for part in ("orders", "lines", "payments"):
                written = getattr(pattern, part)
                if written is not None:
                    self._patterns.append((part, compiled(written), pattern.continues))

    def baskets(self, lines: Iterator[str]) -> Iterator[Basket | BadRecord]:
        """Read one receipt after the other; text without any known line is no receipt."""
        silent, text = True, False
        for number, receipt in self._parts(lines):
            text = text or any(receipt)
            found = self._read(number, receipt)
            if found is not None:
                silent = False
                yield found
        if silent and text:
            raise UnreadableFile(
                "no line in it fits any pattern: correct receipts.patterns in the mapping"
            )

    def _parts(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        part: list[str] = []
        begins = 1
        for number, line in enumerate(lines, 1):
            text = line.strip()
            tried = text[:LONGEST_LINE]
            ends = self._separator is not None and self._separator.fullmatch(tried)
            if ends or (self._begins is not None and self._begins.fullmatch(tried)):
                yield begins, part
                part, begins = [], number
            if not ends:
                part.append(text)
            if len(part) > _MOST_LINES:
                raise UnreadableFile(
                    f"a receipt in it has more than {_MOST_LINES} lines: correct receipts.separator"
                )
        yield begins, part

    def _read(self, number: int, lines: list[str]) -> Basket | BadRecord | None:
        where = f"{self._file_name}:{number}"
        basket = Basket("", where, proves_itself=True, tells_payments=self._tells_payments)
        problem = None
        try:
            for offset, line in enumerate(lines):
                if len(line) > LONGEST_LINE:
                    raise Unmappable(f"line {number + offset} is longer than that of a receipt")  # noqa: TRY301 - the receipt goes on being identified
                self._take(basket, line)
            if not (basket.order or basket.lines or basket.payments):
                return None
            self._finish(basket)
        except Unmappable as error:
            problem = str(error)
        try:
            basket.key = basket.order.get("id") or self._derived(basket)
        except Unmappable as error:
            return BadRecord(where, problem or str(error))
        basket.problem = problem
        return basket

    def _take(self, basket: Basket, line: str) -> None:
        """Understand one line by the first pattern that fits it."""
        for part, pattern, continues in self._patterns:
            found = pattern.fullmatch(line)
            if found is None:
                continue
            said = {name: text.strip() for name, text in found.groupdict().items() if text}
            if part == "orders":
                self._add_to_order(basket.order, said)
                return
            rows = basket.lines if part == "lines" else basket.payments
            said = self._writing.normalised(said)
            if continues:
                _continue(rows, said)
            else:
                rows.append(said)
            return

    def _add_to_order(self, order: Texts, said: Texts) -> None:
        """Take in what a line says of the whole receipt; several taxes or discounts add up."""
        said = self._writing.normalised(said) if not {"date", "time"} & said.keys() else said
        for name, text in said.items():
            if name in _ADDED_UP and name in order:
                order[name] = str(Decimal(order[name]) + Decimal(text))
            elif order.setdefault(name, text) != text:
                raise Unmappable(f"two of its lines give a different {name}")

    def _finish(self, basket: Basket) -> None:
        order = basket.order
        date = " ".join(filter(None, (order.pop("date", ""), order.pop("time", ""))))
        if date and "created_at" not in order:
            order.update(self._writing.normalised({"created_at": date}))
        if "total" not in order:
            raise Unmappable("it has no total")
        if not basket.lines:
            raise Unmappable("it has no lines")
        for payment in basket.payments:
            said = payment.get("method", "").casefold()
            payment["method"] = self._methods.get(said, said)
        if "receipt_number" not in order and "id" in order:
            order["receipt_number"] = order["id"]

    def _derived(self, basket: Basket) -> str:
        """Make an id of what tells receipts apart: number, time and register."""
        order = basket.order
        names = ("receipt_number", "created_at", "location", "total")
        if not (order.get("receipt_number") or order.get("created_at")):
            raise Unmappable("it has neither a number nor a date")
        return derived_id(order.get(name, "") for name in names)


def _continue(rows: list[Texts], said: Texts) -> None:
    """Let a line add to the one before it: a price, a discount, the change that was given."""
    if not rows:
        raise Unmappable("one of its lines continues another, but there is none before it")
    row = rows[-1]
    if (change := said.pop("change", None)) is not None:
        row["amount"] = str(Decimal(row.get("amount", "0")) - abs(Decimal(change)))
    for name, text in said.items():
        if name in _ADDED_UP and name in row:
            row[name] = str(Decimal(row[name]) + Decimal(text))
        else:
            row[name] = text


@contextmanager
def open_receipts(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """Open a text file, line by line.

    Raises:
        UnreadableFile: If it can't be read on.
    """
    try:
        with path.open(encoding=encoding) as stream:
            yield iter(lambda: stream.readline(1 << 16), "")
    except OSError as error:
        raise UnreadableFile(f"it can't be read on ({error.strerror or 'unknown'})") from None
