"""Which of two versions of a record is the newer one: readings come late, twice, out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class Version(NamedTuple):
    """When a record had last changed, by the vendor's clock.

    Attributes:
        updated_at: None where the vendor doesn't say.
        deleted_at: None for a record that is still there.
    """

    updated_at: datetime | None
    deleted_at: datetime | None = None

    @property
    def last_change(self) -> datetime | None:
        """The later of the two instants, or None."""
        return max((instant for instant in self if instant is not None), default=None)

    def is_outdated_by(self, newest: datetime | None) -> bool:
        """Tell whether a newer version is known.

        A version without `updated_at`, such as what is left of a deleted profile, never counts
        as outdated: it must not get lost. Nor does one of the same instant: some facts of a
        record change without moving its clock.

        Args:
            newest: The last change of the newest version known.

        Returns:
            True if this version has to give way.
        """
        changed = self.last_change
        if self.updated_at is None or changed is None or newest is None:
            return False
        return changed < newest
