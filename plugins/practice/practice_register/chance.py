"""Repeatable chance: the same topic draws the same numbers on every machine."""

from __future__ import annotations

from random import Random


def chance(*topic: object) -> Random:
    """A generator of its own for a topic, such as a household under a seed."""
    # Nothing here is secret, and secrets could not be repeated.
    return Random(" ".join(map(str, topic)))  # noqa: S311 - see above
