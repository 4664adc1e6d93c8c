"""Telling Square's webhooks from forged ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos.webhooks import header, hmac_sha256, matches_base64

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def is_genuine_webhook(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    url: str = "",
    now: datetime | None = None,  # noqa: ARG001 - Square signs no time
) -> bool:
    """Verify one delivery: Square signs the notification address and the body together.

    The rule is that of Square's own SDK (`squareup`, webhooks_helper).

    Args:
        headers: The request's headers.
        body: The raw body.
        secret: The subscription's signature key.
        url: The notification address exactly as the subscription has it.
        now: Not used.

    Returns:
        True if it is genuine; never without a key and an address.
    """
    if not secret or not url:
        return False
    signature = header(headers, "x-square-hmacsha256-signature")
    return matches_base64(signature, hmac_sha256(secret, url.encode() + body))
