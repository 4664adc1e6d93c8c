"""Short ways to tell the ledger something, and to ask it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from target_shopcrm.consent.events import ConsentEvent
from target_shopcrm.database.connection import connect
from target_shopcrm.database.ledger import Ledger

if TYPE_CHECKING:
    from conftest import Shop
    from target_shopcrm.consent.events import Key

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
ADA = "ada@example.com"


def event(number: int = 0, **fields: Any) -> ConsentEvent:
    """Somebody said yes, `number` minutes after the start."""
    said: dict[str, Any] = {
        "shop_id": "corner",
        "channel": "email",
        "address": ADA,
        "purpose": "marketing",
        "state": "given",
        "event_time": START + timedelta(minutes=number),
        "observed_at": START + timedelta(minutes=number),
        "source": f"desk:{number}",
    }
    return ConsentEvent(**{**said, **fields})


def append(shop: Shop, *events: ConsentEvent) -> None:
    """Tell the ledger in a transaction of its own."""
    connection = connect(shop.url, program="tests")
    try:
        Ledger(connection).append(events, uuid4())
        connection.commit()
    finally:
        connection.close()


def known(shop: Shop, *keys: Key) -> dict[Key, list[ConsentEvent]]:
    """Ask the ledger."""
    connection = connect(shop.url, program="tests")
    try:
        return Ledger(connection).events_for(keys)
    finally:
        connection.close()
