"""Telling a genuine webhook from a forged one, for whoever receives webhooks.

The tap itself receives none: polling is the truth and a webhook only a hint that a shop has
something new. Each vendor's rule is in the vendor's module; these are the parts they share.
All of it is pure, and every comparison takes the same time whatever it compares.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class WebhookVerifier(Protocol):
    """Says whether a webhook comes from the vendor."""

    def __call__(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secret: str,
        *,
        url: str = "",
        now: datetime | None = None,
    ) -> bool:
        """Verify one delivery.

        Args:
            headers: The request's headers, in any case.
            body: The raw body, before any decoding.
            secret: The key the vendor issued for this subscription.
            url: The address the vendor called, for vendors that sign it too.
            now: The receiver's clock, for vendors that sign a time; the system's by default.

        Returns:
            True if it is genuine. A missing or malformed signature is False, never an error.
        """


def header(headers: Mapping[str, str], name: str) -> str:
    """Find a header whatever its case; an absent one is empty."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def hmac_sha256(secret: str, message: bytes) -> bytes:
    """Compute the keyed hash that most vendors sign with."""
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def matches_base64(signature: str, digest: bytes) -> bool:
    """Compare a base64 signature with the digest it should be."""
    return same(signature, b64encode(digest).decode())


def matches_hex(signature: str, digest: bytes) -> bool:
    """Compare a hexadecimal signature with the digest it should be."""
    return same(signature.lower(), digest.hex())


def same(given: str, expected: str) -> bool:
    """Compare two texts in constant time; an empty one matches nothing."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
