"""Fingerprints of addresses: enough to find somebody again, too little to write to them.

A plain hash of a phone number is undone by trying all numbers. So every fingerprint is an HMAC
with a secret, the pepper. By default the pepper lives in the database: that keeps addresses out
of the ledger, out of its exports and out of any part of a backup without `consent.peppers`. With
`SHOPCRM_PEPPER` it stays outside, and a stolen database alone tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.consent.addresses import EMAIL_CHANNELS, PHONE_CHANNELS
from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_shopcrm.database.connection import Connection

PEPPER_VARIABLE = "SHOPCRM_PEPPER"
_SHORTEST = 32
_NAMED = re.compile(r"([A-Za-z0-9_.-]{1,40}):(.+)", re.DOTALL)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){32,}")
_CHECKED = b"shopcrm: is this the same pepper?"
_LOCK = "shopcrm: peppers"


class Pepper(NamedTuple):
    """One secret, and the name under which the ledger remembers that it was used."""

    id: str
    secret: bytes

    @property
    def check_value(self) -> bytes:
        """Tells whether two secrets are the same without telling the secret."""
        return hmac.digest(self.secret, _CHECKED, hashlib.sha256)

    def fingerprint(self, shop_id: str, kind: str, value: str) -> bytes:
        """Fingerprint something that identifies a person at a shop.

        Args:
            shop_id: The shop: nobody can be followed from one shop to another.
            kind: What it is, such as ``email`` or ``phone``.
            value: Normalised.

        Returns:
            32 bytes. No database text holds the separator, so no two triples look alike.
        """
        text = f"{shop_id}\0{kind}\0{value}"
        return hmac.digest(self.secret, text.encode(), hashlib.sha256)


class Peppers:
    """The peppers of one database, inside the caller's transaction.

    Never kept longer than that: a pepper that was made in a transaction which failed must not
    be used again.

    Args:
        connection: In a transaction, or about to begin one.
        new_ones_are_welcome: Whether `SHOPCRM_PEPPER` may hold one that this database was never
            written with, to `rotate` to.

    Raises:
        ConfigurationError: If `SHOPCRM_PEPPER` isn't what this database was written with.
    """

    def __init__(self, connection: Connection, *, new_ones_are_welcome: bool = False) -> None:
        self._connection = connection
        self._outside = _outside()
        self._known: tuple[Pepper, ...] = ()
        self._current_id: str | None = None
        self._read(new_ones_are_welcome=new_ones_are_welcome)

    @property
    def all(self) -> tuple[Pepper, ...]:
        """Every pepper that something stored was made with; the current one first."""
        return self._known

    def current(self) -> Pepper:
        """The pepper for everything new; the first time anybody asks, it is made.

        Returns:
            The pepper.
        """
        if self._current_id is None:
            self._connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK]
            )
            self._read()  # somebody else may have been quicker
        if self._current_id is None:
            self._add(self._outside[0] if self._outside else None)
        return self._known[0]

    def rotate(self) -> Pepper:
        """Use another pepper from now on; what was made with the old ones stays readable.

        Returns:
            The new one: the first in `SHOPCRM_PEPPER` that this database doesn't know, or one
            that is made here.

        Raises:
            ConfigurationError: If `SHOPCRM_PEPPER` is set and holds no new one.
        """
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        self._read(new_ones_are_welcome=True)
        known = {pepper.check_value for pepper in self._known}
        fresh = [pepper for pepper in self._outside if pepper.check_value not in known]
        if self._outside and not fresh:
            raise ConfigurationError(
                f"{PEPPER_VARIABLE} holds no new pepper to change to: write it in front of the ones"
                " in use (new-name:secret,old-name:secret), then run this again."
            )
        self._add(fresh[0] if fresh else None)
        return self._known[0]

    def _add(self, given: Pepper | None) -> None:
        """Make `given`, or else a pepper of our own, the current one."""
        pepper = given or Pepper(secrets.token_hex(4), secrets.token_bytes(32))
        self._connection.execute(
            "UPDATE consent.peppers SET retired_at = now() WHERE retired_at IS NULL"
        )
        self._connection.execute(
            "INSERT INTO consent.peppers (id, secret, check_value) VALUES (%s, %s, %s)",
            [pepper.id, None if given else pepper.secret, pepper.check_value],
        )
        self._read(new_ones_are_welcome=True)

    def _read(self, *, new_ones_are_welcome: bool = False) -> None:
        rows = self._connection.execute(
            "SELECT id, secret, check_value, retired_at IS NULL FROM consent.peppers"
            " ORDER BY retired_at DESC NULLS FIRST, created_at DESC, id"
        ).fetchall()
        by_check_value = {pepper.check_value: pepper.secret for pepper in self._outside}
        known: list[Pepper] = []
        self._current_id = None
        for pepper_id, stored, check_value, is_current in rows:
            secret = stored or by_check_value.get(check_value)
            if secret is None:
                raise _missing(pepper_id, is_set=bool(self._outside))
            known.append(Pepper(pepper_id, bytes(secret)))
            if is_current:
                self._current_id = pepper_id
        self._known = tuple(known)
        strangers = by_check_value.keys() - {pepper.check_value for pepper in known}
        if known and strangers and not new_ones_are_welcome:
            raise ConfigurationError(
                f"{PEPPER_VARIABLE} holds a pepper that this database was never written with:"
                " correct it, or run 'shopcrm ledger rotate-pepper' to use it from now on."
            )


def kind_of(channel: str) -> str:
    """Name what the addresses of a channel are, so that one number is one number on all channels.

    Args:
        channel: Such as ``sms``.

    Returns:
        ``email``, ``phone``, or the channel itself.
    """
    if channel in EMAIL_CHANNELS:
        return "email"
    return "phone" if channel in PHONE_CHANNELS else channel


def _outside() -> tuple[Pepper, ...]:
    """The peppers of the environment, the newest first."""
    text = os.environ.get(PEPPER_VARIABLE, "").strip()
    if not text:
        return ()
    parts = [part.strip() for part in text.split(",")]
    named = [_NAMED.fullmatch(part) for part in parts]
    if all(named):
        peppers = [Pepper(match[1], _secret(match[2])) for match in named if match]
    elif len(parts) == 1:
        secret = _secret(text)
        peppers = [Pepper(Pepper("", secret).check_value.hex()[:8], secret)]
    else:
        raise ConfigurationError(
            f"{PEPPER_VARIABLE} holds several peppers without names: write"
            " new-name:secret,old-name:secret."
        )
    if _repeats(pepper.id for pepper in peppers) or _repeats(pepper.secret for pepper in peppers):
        raise ConfigurationError(f"{PEPPER_VARIABLE} names a pepper twice: keep one of the two.")
    return tuple(peppers)


def _repeats(values: Iterable[str] | Iterable[bytes]) -> bool:
    listed: Sequence[str | bytes] = list(values)
    return len(set(listed)) < len(listed)


def _secret(text: str) -> bytes:
    if len(text) < _SHORTEST:
        raise ConfigurationError(
            f"{PEPPER_VARIABLE} is too short to keep anything secret: use at least {_SHORTEST}"
            " characters, for example what 'openssl rand -hex 32' prints."
        )
    return bytes.fromhex(text) if _HEX.fullmatch(text) else text.encode()


def _missing(pepper_id: str, *, is_set: bool) -> ConfigurationError:
    wrong = "isn't in" if is_set else "has to be in"
    return ConfigurationError(
        f"The pepper '{pepper_id}' that this database's fingerprints were made with {wrong}"
        f" {PEPPER_VARIABLE}: set it to that secret (several: new-name:secret,old-name:secret)."
    )
