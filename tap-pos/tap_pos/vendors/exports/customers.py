"""From rows to customers, with what they agreed to. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tap_pos import records
from tap_pos.vendors.consents import Answer, stated_consents
from tap_pos.vendors.exports.rows import Identity, Section, folded
from tap_pos.vendors.exports.values import day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.settings import ConsentSource
    from tap_pos.vendors.exports.mapping_file import FileMapping
    from tap_pos.vendors.exports.rows import Getter, Header, Texts, Writing
    from tap_pos.vendors.exports.sections import ConsentColumn
    from tap_pos.vendors.exports.tables import Row

State = Literal["given", "withdrawn", "unknown"]

_ADDRESS = ("line1", "line2", "city", "region", "postal_code", "country")
_YEARLESS = re.compile(r"(?:--)?(\d\d-\d\d)").fullmatch


@dataclass(frozen=True)
class _Column:
    """A consent column, bound to a file."""

    said: ConsentColumn
    answer: Getter
    event_time: Getter | None
    source: str
    given: frozenset[str]
    withdrawn: frozenset[str]


class CustomerRows:
    """Reads the rows of one file of customers.

    Args:
        shop_id: The shop.
        sources: Where else the shop records opt-ins: groups, and columns by their name.
        entry: The kind of file.
        header: The file's columns.
        writing: How it writes dates.
        observed_at: When the file was written: what it says held then.

    Raises:
        UnreadableFile: If a column is missing.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each of these is one fact about the file
        self,
        shop_id: str,
        sources: list[ConsentSource],
        entry: FileMapping,
        header: Header,
        writing: Writing,
        observed_at: str,
    ) -> None:
        fields = entry.customers
        assert fields is not None  # noqa: S101 - the caller chose such an entry
        self._shop_id, self._sources, self._writing = shop_id, sources, writing
        self._observed_at = observed_at
        self._identity = Identity(fields, header, "customers")
        self._section = Section(fields, header, "customers")
        self._separator = fields.groups_separator
        self._columns = list(_consent_columns(fields.consents, header))
        self._answers = {
            source.custom_attribute: header.cell(source.custom_attribute, "consent_sources")
            for source in sources
            if source.custom_attribute is not None
        }

    def record(self, row: Row) -> records.Customer:
        """Map a row.

        Raises:
            Unmappable: If it can't be read.
        """
        identity = self._identity(row)
        texts = self._writing.normalised(self._section(row))
        groups = texts.get("groups", "").split(self._separator)
        groups = [group.strip() for group in groups if group.strip()]
        said = {name: Answer(text) for name, get in self._answers.items() if (text := get(row))}
        stated = stated_consents("exports", self._sources, groups, said, self._observed_at)
        return records.Customer(
            shop_id=self._shop_id,
            id=identity,
            given_name=texts.get("given_name"),
            family_name=texts.get("family_name"),
            email=texts.get("email"),
            phone=texts.get("phone"),
            birthday=self._birthday(texts.get("birthday")),
            address=_address(texts),
            reference_id=texts.get("reference_id"),
            loyalty_id=texts.get("loyalty_id"),
            groups=groups,
            consents=[*self._consents(row), *stated],
            created_at=texts.get("created_at"),
            updated_at=texts.get("updated_at"),
        )

    def _birthday(self, text: str | None) -> str | None:
        if text is None:
            return None
        if found := _YEARLESS(text):
            return f"--{found[1]}"
        found_day = day(text, self._writing.dates)
        return None if found_day is None else found_day.isoformat()

    def _consents(self, row: Row) -> Iterator[records.Consent]:
        """Say what the columns assert.

        A column that knows opt-ins says ``unknown`` of whoever has not opted in; one that
        only knows withdrawals asserts nothing about the others.
        """
        for column in self._columns:
            said = column.answer(row).casefold()
            state: State
            if said in column.withdrawn:
                state = "withdrawn"
            elif said in column.given:
                state = "given"
            elif column.given:
                state = "unknown"
            else:
                continue
            for channel in column.said.channels:
                yield records.Consent(
                    channel=channel,
                    purpose=column.said.purpose,
                    state=state,
                    event_time=self._event_time(column, row) if state != "unknown" else None,
                    observed_at=self._observed_at,
                    source=column.source,
                )

    def _event_time(self, column: _Column, row: Row) -> str | None:
        text = column.event_time(row) if column.event_time else ""
        return self._writing.normalised({"event_time": text})["event_time"] if text else None


def _consent_columns(consents: list[ConsentColumn], header: Header) -> Iterator[_Column]:
    for number, said in enumerate(consents):
        name = f"customers.consents[{number}]"
        answer = header.field(said.column, f"{name}.column")
        if answer is not None:
            source = f"exports:{_name(said.column, header)}"
            event_time = header.field(said.event_time, f"{name}.event_time")
            given, withdrawn = folded(said.given), folded(said.withdrawn)
            yield _Column(said, answer, event_time, source, given, withdrawn)


def _name(field: Any, header: Header) -> str:
    """Name the column that a field comes from."""
    if isinstance(field, str):
        return field
    names = [field.column] if field.column else field.any or field.join or ["value"]
    return str(next((name for name in names if header.has(name)), names[0]))


def _address(texts: Texts) -> records.Address | None:
    given = {name: texts[name] for name in _ADDRESS if name in texts}
    if len(given.get("country", "XX")) != len("XX"):
        # The canonical country is a code; a name can't be one.
        del given["country"]
    elif "country" in given:
        given["country"] = given["country"].upper()
    return records.Address(**given) if given else None
