"""What can go wrong outside of a conversation: each error is one sentence for the user."""

from __future__ import annotations


class RegisterError(Exception):
    """The command cannot do what it was asked to; the message says what, where and what to do."""


class UsageError(RegisterError):
    """The command was called with something it does not understand (exit code 2)."""
