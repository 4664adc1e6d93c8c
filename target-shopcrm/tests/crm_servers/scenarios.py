"""Going through scenarios on one server: starting a real one takes longer than all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def all_of(*groups: type) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """The scenarios of some groups.

    Args:
        groups: Classes whose methods named ``test_…`` take a CRM.

    Yields:
        The name of each, and what to call with the CRM.
    """
    for group in groups:
        for name in vars(group):
            if name.startswith("test_"):
                yield name, getattr(group(), name)
