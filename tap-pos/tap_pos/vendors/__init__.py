"""The vendors this tap can read, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos.vendors.square import SQUARE

if TYPE_CHECKING:
    from tap_pos.vendors.base import Vendor

VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in (SQUARE,)}
"""Every vendor by the word used in the `vendor` setting."""
