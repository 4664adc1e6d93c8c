"""Odoo's partners as customers, and what its blacklists say about them.

Who is a customer: every partner but the company's own users (`partner_share`, a stored
mark). Neither `customer_rank` nor "has orders" would do: Odoo raises the one by plain SQL and
the other by an order, and neither moves the partner's `write_date`, so a new customer among
old partners would never be noticed.

What an address may not be used for stands in `mail.blacklist` and `phone.blacklist`, keyed
by the normalised address. Writing there does not touch the partner, so the blacklists are
listed on their own and the partners with a changed address are sent again. A row is a
withdrawal, dated by when it was written; a removed row asserts nothing.

A merge deletes the partners it merged without a trace: they vanish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tap_pos import records
from tap_pos.asked_once import asked_once
from tap_pos.vendors.base import Batch, Vanishing
from tap_pos.vendors.consents import stated_consents
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.odoo import wire
from tap_pos.vendors.odoo.api import changed_in, moment, optional_moment
from tap_pos.vendors.odoo.directory import address
from tap_pos.vendors.odoo.wire import words
from tap_pos.vendors.pages import Page
from tap_pos.windows import Window, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.base import BadRecord
    from tap_pos.vendors.odoo.api import Domain, OdooApi

_PARTNER = "res.partner"
_TAG = "res.partner.category"
_BLOCKED_EMAILS = "mail.blacklist"
_BLOCKED_NUMBERS = "phone.blacklist"


@dataclass(frozen=True)
class Blocked:
    """Which addresses are on a blacklist, with when they were put there."""

    emails: Mapping[str, wire.Text] = field(default_factory=dict)
    numbers: Mapping[str, wire.Text] = field(default_factory=dict)


class CustomerReader:
    """Reads the customers of one shop.

    Args:
        api: Connection to Odoo.
        shop: The shop's settings.
        now: Odoo's clock.
    """

    def __init__(self, api: OdooApi, shop: ShopSettings, now: datetime) -> None:
        self._api = api
        self._shop = shop
        self._observed_at = format_instant(now)
        self.vanishing = Vanishing(
            confirm=lambda ids: set(ids) - api.existing(_PARTNER, ids),
            tombstone=lambda identity, at: records.Customer(
                shop_id=shop.id, id=identity, deleted_at=at
            ),
            keys=self._keys,
        )

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every customer of whom anything changed in a window."""
        sent: set[int] = set()
        for page in self._touched(window):
            fresh = [person for person in page.items if person.key not in sent]
            sent.update(person.key for person in fresh)
            yield self._batch(Page(fresh, None, page.bad))

    def _touched(self, window: Window) -> Iterator[Page[wire.Partner]]:
        changed = changed_in(window)
        yield from self._api.rows(_PARTNER, wire.Partner, [*self._who, *changed])
        bad: list[BadRecord] = []
        for name, values in (
            ("email_normalized", self._changed_emails(changed, bad)),
            ("phone_sanitized", self._changed_numbers(changed, bad)),
            ("category_id", self._changed_tags(changed, bad)),
        ):
            yield from self._api.having(_PARTNER, wire.Partner, name, values, self._who)
        yield Page([], None, bad)

    def _changed_emails(self, changed: Domain, bad: list[BadRecord]) -> list[str]:
        if not self._api.has(_BLOCKED_EMAILS):
            return []
        rows = self._api.every(_BLOCKED_EMAILS, wire.BlockedEmail, changed)
        bad.extend(rows.bad)
        return sorted({row.email for row in rows.items if isinstance(row.email, str)})

    def _changed_numbers(self, changed: Domain, bad: list[BadRecord]) -> list[str]:
        if not self._api.has(_BLOCKED_NUMBERS):
            return []
        rows = self._api.every(_BLOCKED_NUMBERS, wire.BlockedNumber, changed)
        bad.extend(rows.bad)
        return sorted({row.number for row in rows.items if isinstance(row.number, str)})

    def _changed_tags(self, changed: Domain, bad: list[BadRecord]) -> list[int]:
        """List tags that may have been renamed: their name is what a consent source looks for."""
        rows = self._api.every(_TAG, wire.Tag, changed)
        bad.extend(rows.bad)
        return [row.key for row in rows.items]

    @asked_once
    def _who(self) -> Domain:
        known = self._api.fields(_PARTNER)
        return [("partner_share", "=", True)] if "partner_share" in known else []

    def _keys(self) -> Iterator[list[str]]:
        for page in self._api.ids(_PARTNER, self._who):
            yield [str(key) for key in page]

    def _batch(self, page: Page[wire.Partner]) -> Batch:
        blocked = self._blocked(page.items)

        def to_record(person: wire.Partner) -> records.Customer:
            return customer(self._shop, person, self._tags, blocked, self._observed_at)

        return map_all(page, to_record)

    @asked_once
    def _tags(self) -> Mapping[int, str | None]:
        return {tag.key: words(tag.name) for tag in self._api.every(_TAG, wire.Tag, []).items}

    def _blocked(self, people: Sequence[wire.Partner]) -> Blocked:
        """Look up the addresses of these people in both blacklists."""
        emails = {known for person in people if (known := words(person.email_normalized))}
        numbers = {known for person in people if (known := words(person.phone_sanitized))}
        active: list[Any] = [("active", "=", True)]
        found = Blocked({}, {})
        if emails and self._api.has(_BLOCKED_EMAILS):
            found = Blocked(
                {
                    row.email: row.write_date
                    for page in self._api.having(
                        _BLOCKED_EMAILS, wire.BlockedEmail, "email", sorted(emails), active
                    )
                    for row in page.items
                    if isinstance(row.email, str)
                },
                {},
            )
        if numbers and self._api.has(_BLOCKED_NUMBERS):
            found = Blocked(
                found.emails,
                {
                    row.number: row.write_date
                    for page in self._api.having(
                        _BLOCKED_NUMBERS, wire.BlockedNumber, "number", sorted(numbers), active
                    )
                    for row in page.items
                    if isinstance(row.number, str)
                },
            )
        return found


def customer(
    shop: ShopSettings,
    person: wire.Partner,
    tags: Mapping[int, str | None],
    blocked: Blocked,
    observed_at: str,
) -> records.Customer:
    """Map a partner.

    Odoo knows one name. It is given whole as the given name: cutting it would be a guess.

    Args:
        shop: The shop's settings.
        person: The partner.
        tags: Names of all tags.
        blocked: What the blacklists say of these addresses.
        observed_at: Odoo's clock.
    """
    email = words(person.email_normalized)
    phone = words(person.phone_sanitized)
    groups = sorted({name for key in person.category_id if (name := tags.get(key))})
    written_at = optional_moment(person.write_date, "write_date")
    consents = [
        *_withdrawn("email", blocked.emails.get(email or ""), _BLOCKED_EMAILS, observed_at),
        *_withdrawn("sms", blocked.numbers.get(phone or ""), _BLOCKED_NUMBERS, observed_at),
        *_withdrawn("phone", blocked.numbers.get(phone or ""), _BLOCKED_NUMBERS, observed_at),
        *stated_consents("odoo", shop.consent_sources, groups, {}, observed_at),
    ]
    return records.Customer(
        shop_id=shop.id,
        id=person.id,
        given_name=words(person.name),
        # The blacklists speak of these forms, so these are what a record names.
        email=email or words(person.email),
        phone=phone or words(person.mobile) or words(person.phone),
        address=address(person),
        reference_id=words(person.ref),
        groups=groups,
        consents=consents,
        created_at=optional_moment(person.create_date, "create_date"),
        updated_at=written_at,
        deleted_at=None if person.active else moment(person.write_date, "write_date"),
    )


def _withdrawn(
    channel: Literal["email", "sms", "phone"],
    written_at: wire.Text | None,
    model: str,
    observed_at: str,
) -> Iterator[records.Consent]:
    """Say that an address is on a blacklist, if it is."""
    if written_at is not None:
        yield records.Consent(
            channel=channel,
            purpose="marketing",
            state="withdrawn",
            event_time=optional_moment(written_at, "write_date"),
            observed_at=observed_at,
            source=f"odoo:{model}",
        )
