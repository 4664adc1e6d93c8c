"""A small shop for every test, and settings that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import ScriptedSquare
from tap_pos.testing.fakes.odoo import FakeOdoo
from tap_pos.testing.fakes.square_rows import customer, location, order, payment

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def square() -> Iterator[ScriptedSquare]:
    """A shop with one location, one sale and one customer; its clock says 2026-03-01 noon."""
    shop = ScriptedSquare()
    shop.locations = [location("L1")]
    shop.orders = [order("O1", "2026-02-10T15:00:00Z")]
    shop.payments = [payment("O1", "2026-02-10T15:00:01Z")]
    shop.customers = [customer("C1", "2026-02-01T10:00:00Z", given_name="Quirina")]
    with shop.running():
        yield shop


@pytest.fixture
def config(square: ScriptedSquare) -> dict[str, Any]:
    """Settings for that one shop."""
    return {
        "vendor": "square",
        "shop_id": "tea",
        "access_token": "token",
        "base_url": square.url,
        "max_retry_seconds": 0.5,
    }


@pytest.fixture
def odoo() -> Iterator[FakeOdoo]:
    """An Odoo with one till and nothing sold; its clock says 2026-03-01 noon."""
    with FakeOdoo().running() as running:
        running.page_size = 100
        running.begin()
        yield running
