"""WooCommerce's customers: all accounts of the site, whatever their role.

The list has no filter by change (`modified_after` is ignored without a word), so all of it
is read in every run. Without a role it would leave out administrators and subscribers, who
buy too. Core WooCommerce knows no consent; a shop can name its own sources: a role as
`group`, or the key of a plugin's metadata as `custom_attribute`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_pos import records
from tap_pos.vendors.consents import Answer, stated_consents
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.texts import instant, text
from tap_pos.vendors.woocommerce import wire
from tap_pos.vendors.woocommerce.listing import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_pos.settings import ConsentSource, ShopSettings
    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.woocommerce.api import WooApi

_KEY = msgspec.json.Decoder(wire.Numbered)


class CustomerReader:
    """Reads the accounts of one site.

    Args:
        api: Connection to the site.
        shop: The shop's settings.
        observed_at: The site's clock.
    """

    def __init__(self, api: WooApi, shop: ShopSettings, observed_at: str) -> None:
        self._api = api
        self._shop = shop
        self._observed_at = observed_at
        self._reader = Reader(api, "/customers", wire.Customer, more=self._fields())

    def read(self) -> Iterator[Batch]:
        """Read every account."""
        for page in self._reader.everything(role="all"):
            yield map_all(page, self._to_record)

    def gone(self, ids: Sequence[str]) -> set[str]:
        """Ask for each of some accounts whether it still exists."""
        found = self._api.get_each(
            "/customers/{}", [int(one) for one in ids], _KEY.decode, {"_fields": "id"}
        )
        return {str(number) for number, customer in found if customer is None}

    def tombstone(self, identity: str, missed_at: str) -> records.Customer:
        """Make the last record of an account."""
        return records.Customer(
            shop_id=self._shop.id, id=identity, updated_at=missed_at, deleted_at=missed_at
        )

    def _fields(self) -> dict[str, str]:
        """Leave the metadata of all plugins at the site, unless a consent is kept there."""
        if any(source.custom_attribute for source in self._shop.consent_sources):
            return {}
        names = wire.wanted(wire.Customer).split(",")
        return {"_fields": ",".join(name for name in names if name != "meta_data")}

    def _to_record(self, customer: wire.Customer) -> records.Customer:
        return customer_of(self._shop.id, customer, self._shop.consent_sources, self._observed_at)


def customer_of(
    shop_id: str,
    customer: wire.Customer,
    sources: Sequence[ConsentSource],
    observed_at: str,
) -> records.Customer:
    """Map an account; what it does not say itself, its billing address may.

    Raises:
        Unmappable: If one of its times is none.
    """
    billing = customer.billing or wire.Address()
    role = text(customer.role)
    groups = [role] if role else []
    answers = {meta.key: Answer(meta.value) for meta in customer.meta_data or () if meta.key}
    created_at = instant(customer.date_created_gmt)
    return records.Customer(
        shop_id=shop_id,
        id=customer.id,
        given_name=text(customer.first_name) or text(billing.first_name),
        family_name=text(customer.last_name) or text(billing.last_name),
        email=text(customer.email) or text(billing.email),
        phone=text(billing.phone),
        address=_address(billing),
        groups=groups,
        consents=list(stated_consents("woocommerce", sources, groups, answers, observed_at)),
        created_at=created_at,
        # Null until an account is changed or buys for the first time.
        updated_at=instant(customer.date_modified_gmt) or created_at,
    )


def _address(billing: wire.Address) -> records.Address | None:
    """Map a billing address; one without content is none."""
    mapped = records.Address(
        line1=text(billing.address_1),
        line2=text(billing.address_2),
        city=text(billing.city),
        region=text(billing.state),
        postal_code=text(billing.postcode),
        country=text(billing.country),
    )
    return None if mapped == records.Address() else mapped
