"""The vendors this tap can read, one line each.

A vendor's module is imported when a shop of that vendor is configured: starting takes time
in every scheduled run, and an agency's next vendor must not cost the others any.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.vendors.base import Vendor

_PLACES = {
    "clover": ("tap_pos.vendors.clover", "CLOVER"),
    "exports": ("tap_pos.vendors.exports", "EXPORTS"),
    "lightspeed_x": ("tap_pos.vendors.lightspeed_x", "LIGHTSPEED_X"),
    "loyverse": ("tap_pos.vendors.loyverse", "LOYVERSE"),
    "odoo": ("tap_pos.vendors.odoo", "ODOO"),
    "shopify": ("tap_pos.vendors.shopify", "SHOPIFY"),
    "square": ("tap_pos.vendors.square", "SQUARE"),
    "sumup": ("tap_pos.vendors.sumup", "SUMUP"),
    "woocommerce": ("tap_pos.vendors.woocommerce", "WOOCOMMERCE"),
}


class _Vendors(MutableMapping[str, "Vendor"]):
    """Vendors by name, each imported when it is first looked up."""

    def __init__(self) -> None:
        self._found: dict[str, Vendor] = {}
        self._names = dict.fromkeys(_PLACES)

    def __getitem__(self, name: str) -> Vendor:
        if name not in self._found and name in self._names:
            module, attribute = _PLACES[name]
            self._found[name] = getattr(import_module(module), attribute)
        return self._found[name]

    def __setitem__(self, name: str, vendor: Vendor) -> None:
        self._names[name] = None
        self._found[name] = vendor

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._found.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


VENDORS: MutableMapping[str, Vendor] = _Vendors()
"""Every vendor by the word used in the `vendor` setting. Whoever has one more adds it here."""
