"""Identifiers that look like Square's and are the same on every machine."""

from __future__ import annotations

import hashlib
from base64 import b32encode


class Identifiers:
    """Makes an identifier from what a thing is, so that equal settings give equal ids."""

    def __init__(self, seed: int) -> None:
        """Identifiers of one register; another seed gives other ids."""
        self._start = hashlib.blake2b(f"practice register {seed}".encode(), digest_size=20)

    def make(self, kind: str, key: str | int, length: int = 22) -> str:
        """Return `length` (at most 32) capital letters and digits for a `kind` and its `key`."""
        digest = self._start.copy()
        digest.update(f"{kind}:{key}".encode())
        return b32encode(digest.digest()).decode()[:length]
