"""Shopify's ids: ``gid://shopify/Order/1001`` in GraphQL, 1001 everywhere else."""

from __future__ import annotations


def number(identity: str) -> int:
    """Take the number at the end of a full id.

    >>> number("gid://shopify/Order/1001")
    1001

    Raises:
        ValueError: If there is none.
    """
    return int(identity.rpartition("/")[2])


def short(identity: str) -> str:
    """Shorten a full id to what the admin's addresses, exports and webhooks call the id."""
    return identity.rpartition("/")[2]


def full(kind: str, identity: str) -> str:
    """Write the full id of a kind of object."""
    return f"gid://shopify/{kind}/{short(identity)}"
