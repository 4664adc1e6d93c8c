"""Odoo's short lists: tills, staff, loyalty cards. Read whole in each run."""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR
from functools import partial
from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.asked_once import asked_once
from tap_pos.errors import AccessDeniedError
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.odoo import wire
from tap_pos.vendors.odoo.api import optional_moment
from tap_pos.vendors.odoo.wire import label, linked, linked_id, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.odoo.api import OdooApi
    from tap_pos.vendors.pages import Page

_COUNTRY_SUFFIX = re.compile(r" \([A-Z]{2}\)$")


class Companies:
    """The companies of one Odoo, with where they are.

    Args:
        api: Connection to Odoo.
    """

    def __init__(self, api: OdooApi) -> None:
        self._api = api

    @asked_once
    def by_key(self) -> Mapping[int, wire.Company]:
        """All companies."""
        rows = self._api.every("res.company", wire.Company, [])
        return {company.key: company for company in rows.items}

    def address_of(self, company: int | None) -> wire.CompanyAddress | None:
        """Find a company's own address."""
        found = self.by_key.get(company or 0)
        return self._addresses.get(linked(found.partner_id) or 0) if found else None

    def currency_of(self, company: int | None) -> str | None:
        """Find the currency of a company's books."""
        found = self.by_key.get(company or 0)
        return label(found.currency_id) if found else None

    @asked_once
    def _addresses(self) -> Mapping[int, wire.CompanyAddress]:
        keys = [key for row in self.by_key.values() if (key := linked(row.partner_id))]
        pages = self._api.having("res.partner", wire.CompanyAddress, "id", keys)
        return {address.key: address for page in pages for address in page.items}


class Staff:
    """Who works at the tills.

    With Odoo's module pos_hr the people at the till are `hr.employee`, else users. A user
    without an employee's record is nobody then: the numbers of the two overlap.

    Args:
        api: Connection to Odoo.
        shop_id: The shop.
    """

    def __init__(self, api: OdooApi, shop_id: str) -> None:
        self._api = api
        self._shop_id = shop_id

    def read(self) -> Iterator[Batch]:
        """Read everybody, active or not."""
        if self._members is not None:
            yield map_all(self._members, self._record)
            return
        inside = [("share", "=", False)]
        for page in self._api.rows("res.users", wire.User, inside):
            yield map_all(page, self._record)

    def id_of(self, order: wire.Order) -> str | None:
        """Tell who served an order."""
        if self._members is None:
            return linked_id(order.user_id)
        return linked_id(order.employee_id) or self._by_user.get(linked(order.user_id) or 0)

    @asked_once
    def _members(self) -> Page[wire.StaffMember] | None:
        """Read the employees; None where tills know users only, or this user may not read them."""
        if "employee_id" not in self._api.fields("pos.order") or not self._api.has("hr.employee"):
            return None
        try:
            return self._api.every("hr.employee", wire.StaffMember, [])
        except AccessDeniedError as error:
            if error.ends_shop:
                raise
            return None

    @asked_once
    def _by_user(self) -> Mapping[int, str]:
        rows = self._members.items if self._members else []
        return {user: row.id for row in reversed(rows) if (user := linked(row.user_id))}

    def _record(self, source: wire.User | wire.StaffMember) -> records.Employee:
        return records.Employee(
            shop_id=self._shop_id,
            id=source.id,
            display_name=words(source.name),
            active=source.active,
            updated_at=optional_moment(source.write_date, "write_date"),
        )


def location(
    shop_id: str, source: wire.Config, companies: Companies, currency: str | None, zone: str
) -> records.Location:
    """Map a till: where an Odoo sells is a till, and its address is its company's.

    Args:
        shop_id: The shop.
        source: The till.
        companies: All companies.
        currency: What the till takes.
        zone: Time zone of the till.
    """
    return records.Location(
        shop_id=shop_id,
        id=source.id,
        name=words(source.name),
        timezone=zone,
        currency=currency,
        address=address(companies.address_of(linked(source.company_id))),
        active=source.active,
        updated_at=optional_moment(source.write_date, "write_date"),
    )


def address(source: wire.CompanyAddress | wire.Partner | None) -> records.Address | None:
    """Map a postal address; one without content is none."""
    if source is None:
        return None
    region = label(source.state_id)
    mapped = records.Address(
        line1=words(source.street),
        line2=words(source.street2),
        city=words(source.city),
        # Odoo shows a state with its country: "California (US)".
        region=_COUNTRY_SUFFIX.sub("", region) if region else None,
        postal_code=words(source.zip),
        country=words(source.country_code),
    )
    return None if mapped == records.Address() else mapped


def read_loyalty_accounts(api: OdooApi, shop_id: str) -> Iterator[Batch]:
    """Read the cards of programmes that collect points.

    Odoo keeps coupons, gift cards and wallets in the same model; their "points" are pieces
    or money, and not a membership.
    """
    if not api.has("loyalty.card"):
        return
    collecting = [("program_type", "=", "loyalty")]
    programs = api.every("loyalty.program", wire.Program, collecting).items
    pages = api.having("loyalty.card", wire.Card, "program_id", [row.key for row in programs])
    for page in pages:
        yield map_all(page, partial(_loyalty_account, shop_id))


def _loyalty_account(shop_id: str, source: wire.Card) -> records.LoyaltyAccount:
    """Map a card. Odoo counts in fractions of a point; only whole ones can be spent."""
    return records.LoyaltyAccount(
        shop_id=shop_id,
        id=source.id,
        customer_id=linked_id(source.partner_id),
        program_id=linked_id(source.program_id),
        balance=int(source.points.to_integral_value(ROUND_FLOOR)),
        enrolled_at=optional_moment(source.create_date, "create_date"),
        updated_at=optional_moment(source.write_date, "write_date"),
    )
