"""Refresh tokens that change with every use, kept in a file that never loses one needlessly.

A vendor that rotates refresh tokens revokes the old pair the moment it issues a new one. So

* the new pair is in the file, and the file on the disk, before its access token is used;
* the file is replaced in one step, so that it holds a whole pair whenever the power goes;
* a lock beside it makes threads and processes take turns, and whoever gets the lock looks
  into the file first: another may have refreshed meanwhile;
* the access token is kept there too, so that a run doesn't rotate what is still good;
* room for the new pair is made before the vendor is asked: a full disk or a read-only folder
  shows while the old pair still works. A pair that was written but not yet put in place when
  the process died is put in place by the next run.

One gap nobody can close: the process dies, or the network, after the vendor issued a pair and
before it was written. The next refusal then says that this may have happened.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tap_pos.errors import AccessDeniedError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOM = 4096
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_ONLY_THE_OWNER = 0o600
_MARGIN_SECONDS = 300.0


@dataclass(frozen=True)
class Issued:
    """A pair of tokens as a vendor's token endpoint issues it. Its printed form shows neither.

    Attributes:
        access_token: What requests carry.
        refresh_token: What the next refresh needs.
        expires_in: Seconds for which the access token is good.
    """

    access_token: str
    refresh_token: str
    expires_in: float

    def __repr__(self) -> str:
        """Tell nothing secret."""
        return f"Issued(expires_in={self.expires_in})"


class _Kept(Struct):
    """What the file holds."""

    shop: str
    descends_from: str
    access_token: str
    refresh_token: str
    expires_at: float

    def __repr__(self) -> str:
        """Tell nothing secret."""
        return f"_Kept(shop={self.shop!r})"


class RotatingTokens:
    """One shop's pair of tokens. Safe to use from several threads and processes.

    The file wins over the setting as long as its pair descends from the setting's refresh
    token, which a hash in the file tells. A changed setting starts over with the new token.

    Args:
        shop_id: The shop, which the file names so that two shops can't share it.
        file: Where the pair is kept.
        first: The refresh token of the settings.
        exchange: Asks the vendor for a new pair; raises `AccessDeniedError` if it refuses the
            refresh token.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        shop_id: str,
        file: Path,
        first: str,
        exchange: Callable[[str], Issued],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shop_id = shop_id
        # Replacing a symbolic link would leave the file it points to with a revoked pair.
        self._file = Path(os.path.realpath(file))
        self._new = self._file.with_name(f".{self._file.name}.new")
        self._first = first
        self._line = hashlib.sha256(first.encode()).hexdigest()
        self._exchange = exchange
        self._clock = clock
        self._kept: _Kept | None = None

    def access_token(self) -> str:
        """Give an access token that is good for some minutes at least.

        Raises:
            AccessDeniedError: If the file can't be used or the refresh token is refused.
            ShopError: Whatever else the exchange raises.
        """
        if self._kept is None or not self._is_good(self._kept):
            with self._locked():
                self._kept = self._current()
                if self._kept is None or not self._is_good(self._kept):
                    self._kept = self._rotate(self._kept)
        return self._kept.access_token

    def renewed(self, refused: str) -> str:
        """Give another access token than one that the vendor has just refused.

        Raises:
            AccessDeniedError: If the file can't be used or the refresh token is refused.
            ShopError: Whatever else the exchange raises.
        """
        with self._locked():
            kept = self._current()
            if kept is None or kept.access_token == refused or not self._is_good(kept):
                kept = self._rotate(kept)
            self._kept = kept
        return kept.access_token

    def _is_good(self, kept: _Kept) -> bool:
        return kept.expires_at - _MARGIN_SECONDS > self._clock()

    def _current(self) -> _Kept | None:
        """Read the pair that is current, if it descends from the setting.

        A whole pair beside the file is newer: its process died before putting it in place.
        """
        pending, kept = self._read(self._new), self._read(self._file)
        for found in (pending, kept):
            if found is not None and found.shop != self._shop_id:
                raise AccessDeniedError(
                    f"Shop '{self._shop_id}': token_file already belongs to shop '{found.shop}': "
                    "give every shop its own file.",
                    ends_shop=True,
                )
        if pending is not None and pending.descends_from == self._line:
            try:
                place = os.open(self._new, _FLAGS)
            except OSError as error:
                raise self._unusable(error) from None
            self._keep(place, pending)
            return pending
        return kept if kept is not None and kept.descends_from == self._line else None

    def _read(self, path: Path) -> _Kept | None:
        try:
            content = path.read_bytes().rstrip(b"\0\n ")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None
        if not content:
            return None
        try:
            return msgspec.json.decode(content, type=_Kept)
        except msgspec.DecodeError:
            if path == self._new:
                # Cut off while it was being written: only the file itself counts.
                return None
            raise AccessDeniedError(
                f"Shop '{self._shop_id}': token_file holds something this tap did not write: "
                "name another file, or delete it and set refresh_token to a new one.",
                ends_shop=True,
            ) from None

    def _rotate(self, kept: _Kept | None) -> _Kept:
        """Trade the refresh token for a new pair and keep it before anyone sees it."""
        was_interrupted = self._new.exists()
        try:
            room = self._make_room()
        except OSError as error:
            raise self._unusable(error) from None
        try:
            issued = self._ask(self._first if kept is None else kept.refresh_token, was_interrupted)
            fresh = _Kept(
                self._shop_id,
                self._line,
                issued.access_token,
                issued.refresh_token,
                self._clock() + issued.expires_in,
            )
        except BaseException:
            os.close(room)
            raise
        self._keep(room, fresh)
        return fresh

    def _ask(self, refresh_token: str, was_interrupted: bool) -> Issued:  # noqa: FBT001 - named at the one call
        try:
            return self._exchange(refresh_token)
        except AccessDeniedError as error:
            # A plain refusal rotates nothing, so there is nothing left to be warned about.
            self._new.unlink(missing_ok=True)
            if not was_interrupted:
                raise
            raise AccessDeniedError(
                f"{error} An earlier refresh broke off before its answer was kept, which is "
                "probably why.",
                ends_shop=True,
            ) from None

    def _make_room(self) -> int:
        """Open the file-to-be and fill it, so that writing the pair later can't fail."""
        room = os.open(self._new, _FLAGS | os.O_CREAT | os.O_TRUNC, _ONLY_THE_OWNER)
        try:
            os.fchmod(room, _ONLY_THE_OWNER)
            os.write(room, bytes(_ROOM))
            os.fsync(room)
        except OSError:
            os.close(room)
            raise
        return room

    def _keep(self, place: int, kept: _Kept) -> None:
        """Write a pair, see that the disk has it, and only then let it be the file."""
        content = msgspec.json.encode(kept)
        try:
            try:
                os.pwrite(place, content, 0)
                os.ftruncate(place, len(content))
                os.fsync(place)
            finally:
                os.close(place)
            self._new.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unusable(error) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until no other thread or process is at the file."""
        if fcntl is None:
            raise AccessDeniedError(
                f"Shop '{self._shop_id}': a token_file needs file locks, which this system does "
                "not have: run the tap on Linux or macOS, or use an access_token.",
                ends_shop=True,
            )
        path = self._file.with_name(f".{self._file.name}.lock")
        try:
            lock = os.open(path, _FLAGS | os.O_CREAT, _ONLY_THE_OWNER)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            with suppress(OSError):
                os.close(lock)

    def _unusable(self, error: OSError) -> AccessDeniedError:
        return AccessDeniedError(
            f"Shop '{self._shop_id}': token_file can't be kept there ({error.strerror}): "
            "name a file in a folder that exists and that this user may write to.",
            ends_shop=True,
        )
