"""Everything that can stop a run, grouped by what the caller should do about it.

Each message is one sentence for a person: what happened, where, and what to do. None of them
ever holds a record's value, an address or a secret.
"""

from __future__ import annotations

__all__ = [
    "AnotherRunIsActiveError",
    "ConfigurationError",
    "CredentialsError",
    "CrmContractError",
    "CrmSetupError",
    "CrmUnavailableError",
    "DatabaseError",
    "DestinationError",
    "InputError",
    "Interrupted",
    "OutputError",
    "SchemaTooNewError",
    "ShopCRMError",
]


class ShopCRMError(Exception):
    """A failure that a person can act on; the text of the exception is that sentence."""

    exit_code = 1


class ConfigurationError(ShopCRMError):
    """Change the settings, then run again."""

    exit_code = 2


class DatabaseError(ShopCRMError):
    """Look after the database (reachable? space left? password?), then run again."""


class SchemaTooNewError(DatabaseError):
    """Install a newer target-shopcrm; this one must not touch the database."""


class AnotherRunIsActiveError(ShopCRMError):
    """Wait for the other run; two at once would only fight over the same rows."""


class InputError(ShopCRMError):
    """What came in isn't Singer; look at the tap."""


class OutputError(ShopCRMError):
    """The output file can't be written as promised; look at the disk or the path."""


class Interrupted(BaseException):
    """Someone asked the run to stop: Ctrl-C or SIGTERM.

    Not an `Exception`, so that nothing between the signal and the rim swallows it.

    Args:
        signal_number: The signal that arrived; the exit code is 128 + this number.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """The exit code a shell expects of a program stopped by this signal."""
        return 128 + self.signal_number


class DestinationError(ShopCRMError):
    """The CRM can't be used at all right now; what it had confirmed before stays."""


class CredentialsError(DestinationError):
    """Correct the token, or give it the permission it lacks, then run again."""


class CrmUnavailableError(DestinationError):
    """Wait until the CRM is back, then run again; nothing is lost."""


class CrmSetupError(DestinationError):
    """Something the settings name isn't in the CRM (a list, a store, a field): create it."""


class CrmContractError(DestinationError):
    """The CRM answered what its API doesn't promise; look whether its version changed."""
