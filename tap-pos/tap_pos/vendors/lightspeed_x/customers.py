"""Lightspeed X-Series' customers: what they said, which group they are in, their loyalty.

Two flags of opposite polarity, both false for somebody who was never asked:

* `do_not_email` is an opt-out: true is a withdrawal, false asserts nothing;
* `enable_promotional_sms` is an opt-in: true is given, false is unknown. It is absent from
  older versions of the API, and then nothing is said.

Neither carries a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.records import Consent
from tap_pos.vendors.consents import Answer, stated_consents
from tap_pos.vendors.lightspeed_x import wire
from tap_pos.vendors.lightspeed_x.amounts import minor
from tap_pos.vendors.lightspeed_x.api import VersionDecoder
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page
from tap_pos.vendors.texts import birthday, instant, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.lightspeed_x.api import LightspeedApi

CUSTOMERS = VersionDecoder(wire.Customer)
_GROUPS = VersionDecoder(wire.Named)
CUSTOM_FIELDS = ("custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4")
_DATE = len("YYYY-MM-DD")


class CustomerMapper:
    """Maps the customers of one shop.

    Args:
        api: Connection to Lightspeed.
        shop: The shop's settings.
        observed_at: Lightspeed's clock.
    """

    def __init__(self, api: LightspeedApi, shop: ShopSettings, observed_at: str) -> None:
        self._api = api
        self._shop = shop
        self._observed_at = observed_at
        self._groups: Mapping[str, str] = {}

    def basis(self) -> object:
        """Read what customers are made of beside their own rows; maps nothing before."""
        self._groups = {
            group.id: name
            for page in self._api.changes("customer_groups", _GROUPS)
            for group in page.items
            if (name := text(group.name))
        }
        return [self._groups, self._shop.consent_sources]

    def batch(self, page: Page[wire.Customer]) -> Batch:
        """Map a page."""
        return map_all(page, self._customer)

    def _customer(self, source: wire.Customer) -> records.Customer:
        group = self._groups.get(source.customer_group_id or "")
        return customer(self._shop, source, [group] if group else [], self._observed_at)


def customer(
    shop: ShopSettings, source: wire.Customer, groups: list[str], observed_at: str
) -> records.Customer:
    """Map a customer; of a deleted one nothing is left but the fact.

    Args:
        shop: The shop's settings.
        source: The customer.
        groups: Name of its group, if it is in one.
        observed_at: Lightspeed's clock.
    """
    deleted_at = instant(source.deleted_at)
    if deleted_at:
        return records.Customer(
            shop_id=shop.id,
            id=source.id,
            updated_at=instant(source.updated_at),
            deleted_at=deleted_at,
        )
    code = text(source.customer_code)
    return records.Customer(
        shop_id=shop.id,
        id=source.id,
        given_name=text(source.first_name),
        family_name=text(source.last_name),
        email=text(source.email),
        # Text messages go to the mobile, and it is what `enable_promotional_sms` is about.
        phone=text(source.mobile) or text(source.phone),
        birthday=birthday((source.date_of_birth or "").strip()[:_DATE]),
        address=_address(source),
        reference_id=code,
        loyalty_id=code if source.enable_loyalty else None,
        groups=groups,
        consents=list(_consents(shop, source, groups, observed_at)),
        created_at=instant(source.created_at),
        updated_at=instant(source.updated_at),
    )


def read_loyalty_accounts(api: LightspeedApi, shop_id: str, currency: str) -> Iterator[Batch]:
    """Read every customer once more for their loyalty balances.

    Lightspeed's loyalty is counted in money, not in points; a balance here is in minor units.
    """
    for page in api.changes("customers", CUSTOMERS):
        members = [person for person in page.items if _is_member(person)]
        yield map_all(
            Page(members, None, page.bad),
            lambda person: records.LoyaltyAccount(
                shop_id=shop_id,
                id=person.id,
                customer_id=person.id,
                balance=minor(person.loyalty_balance, currency),
                updated_at=instant(person.updated_at),
            ),
        )


def _is_member(person: wire.Customer) -> bool:
    return not person.deleted_at and bool(person.enable_loyalty or person.loyalty_balance)


def _consents(
    shop: ShopSettings, source: wire.Customer, groups: list[str], observed_at: str
) -> Iterator[Consent]:
    if source.do_not_email:
        yield Consent(
            channel="email",
            purpose="marketing",
            state="withdrawn",
            observed_at=observed_at,
            source="lightspeed_x:do_not_email",
        )
    if source.enable_promotional_sms is not None:
        yield Consent(
            channel="sms",
            purpose="marketing",
            state="given" if source.enable_promotional_sms else "unknown",
            observed_at=observed_at,
            source="lightspeed_x:enable_promotional_sms",
        )
    answers = {name: Answer(getattr(source, name)) for name in CUSTOM_FIELDS}
    yield from stated_consents("lightspeed_x", shop.consent_sources, groups, answers, observed_at)


def _address(source: wire.Customer) -> records.Address | None:
    """Map the physical address, else the postal one; one without content is none."""
    for kind in ("physical", "postal"):

        def part(name: str, kind: str = kind) -> str | None:
            return text(getattr(source, f"{kind}_{name}"))

        street = [line for line in (part("address_2"), part("suburb")) if line]
        mapped = records.Address(
            line1=part("address_1"),
            line2=", ".join(street) or None,
            city=part("city"),
            region=part("state"),
            postal_code=part("postcode"),
            country=part("country_id"),
        )
        if mapped != records.Address():
            return mapped
    return None
