"""What a run says when it is done: a line for what was left out, and one with the numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from target_shopcrm.database.runs import Counts


def tell_outcome(
    logger: logging.Logger, destination: str, counts: Counts, *, is_holding: bool
) -> None:
    """Say what a run did; no name and no address is ever among it.

    Args:
        logger: Where it is said.
        destination: Where the run went.
        counts: What it counted.
        is_holding: Whether a freeze left records for a later run.
    """
    if is_holding:
        logger.warning(
            "A freeze is on: nothing but erasures and withdrawals was written; the input is left"
            " for the first run after it."
        )
    withdrawals = counts.streams.get("withdrawals", Counter())
    if withdrawals["written"] < withdrawals["read"]:
        logger.warning(
            "%d of %d withdrawals couldn't be brought to %s; those people got nothing else, and the"
            " next run tries again.",
            withdrawals["read"] - withdrawals["written"],
            withdrawals["read"],
            destination,
        )
    for stream, counter in counts.streams.items():
        if counter["dead_lettered"]:
            logger.warning(
                "%d of %d records of %s couldn't be delivered; sync.dead_letters says which and"
                " why.",
                counter["dead_lettered"],
                counter["read"],
                stream,
            )
    logger.info(
        "%s: %d records read, %d written, %d unchanged, %d with something withheld, %d dead"
        " letters.",
        destination,
        *(counts.total(name) for name in ("read", "written", "unchanged")),
        counts.total("withheld"),
        counts.total("dead_lettered"),
    )
