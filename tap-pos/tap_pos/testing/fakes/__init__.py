"""One fake per vendor, each held to the vendor's own specification where that file is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos.testing.fakes.clover import FakeClover
from tap_pos.testing.fakes.lightspeed_x_life import LightspeedLife
from tap_pos.testing.fakes.loyverse_life import LoyverseLife
from tap_pos.testing.fakes.odoo import FakeOdoo
from tap_pos.testing.fakes.shopify_life import ShopifyLife
from tap_pos.testing.fakes.square_life import SquareLife, SquareWithoutEvents
from tap_pos.testing.fakes.sumup import SumUpLife
from tap_pos.testing.fakes.woocommerce import (
    WooCommerceLife,
    WooCommerceSilentOrders,
)

if TYPE_CHECKING:
    from tap_pos.testing.conformance import ConformingFake

_FAKES: tuple[type[ConformingFake], ...] = (
    # One line per vendor, sorted; its import goes above.
    FakeClover,
    LightspeedLife,
    LoyverseLife,
    FakeOdoo,
    ShopifyLife,
    SquareLife,
    SquareWithoutEvents,
    SumUpLife,
    WooCommerceLife,
    WooCommerceSilentOrders,
)

CONFORMING: dict[str, type[ConformingFake]] = {fake.vendor: fake for fake in _FAKES}
"""Every fake that takes part in `tap-pos/tests/test_conformance.py`, by the vendor's name."""
