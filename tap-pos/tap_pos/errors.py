"""What can go wrong, grouped by what the person running the tap should do about it.

Every message is one sentence that says what happened, where, and what to do. It never
holds a token, an e-mail address, a phone number or a name.
"""

from __future__ import annotations

__all__ = [  # noqa: RUF022 - grouped by what to do
    "TapPosError",
    # Change the settings
    "SettingsError",
    # Look after one shop
    "ShopError",
    "AccessDeniedError",
    "RegisterUnavailableError",
    "UnexpectedAnswerError",
    "RecordsNotUnderstoodError",
    # Read the sentences of several shops
    "ShopsFailedError",
    # Look at the program that reads the output
    "OutputClosedError",
    # Signals between a vendor's module and the loop that drives it
    "CursorExpired",
    "WindowTooLarge",
    "Unmappable",
]


class TapPosError(Exception):
    """Root of everything this tap raises on purpose."""

    exit_code = 1


class SettingsError(TapPosError):
    """The settings can't work; nothing was asked of any register."""

    exit_code = 2


class ShopError(TapPosError):
    """One shop can't be read on; the other shops can.

    Attributes:
        ends_shop: Whether the shop's other streams would fail the same way.
    """

    ends_shop = False


class AccessDeniedError(ShopError):
    """The vendor refuses the token, or the token lacks a permission: grant it.

    Args:
        message: The sentence for the user.
        ends_shop: True if the token as a whole is refused, not just one permission.
    """

    def __init__(self, message: str, *, ends_shop: bool) -> None:
        super().__init__(message)
        self.ends_shop = ends_shop


class RegisterUnavailableError(ShopError):
    """The vendor can't be reached or keeps failing: run again later."""

    ends_shop = True


class UnexpectedAnswerError(ShopError):
    """The vendor refuses a request or sends what its documentation rules out."""


class RecordsNotUnderstoodError(ShopError):
    """More records could not be read than `max_bad_records` allows."""


class ShopsFailedError(TapPosError):
    """At least one shop failed; the others are complete.

    Args:
        sentences: One per failed shop.
    """

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class OutputClosedError(TapPosError):
    """Nobody reads standard output any more."""


class CursorExpired(Exception):  # noqa: N818 - a signal to start the window again, not a failure
    """A page cursor is no longer valid: read the window again from its first page."""


class WindowTooLarge(Exception):  # noqa: N818 - a signal to cut the window, not a failure
    """More changed in a window than a vendor's module wants to hold: read it in halves.

    To be raised only where `tap_pos.windows.can_be_halved` says so, and before the module has
    given many records of the window, since they will be read again.
    """


class Unmappable(ValueError):  # noqa: N818 - it describes the record
    """A vendor's record breaks the vendor's own rules, so no canonical record can be made."""
