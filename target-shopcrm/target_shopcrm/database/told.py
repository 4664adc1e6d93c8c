"""Which withdrawals a destination was told, which it still has to be, and how far it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from target_shopcrm.database.connection import Connection


class Withdrawn(NamedTuple):
    """An address that somebody said no for. It is normalised."""

    shop_id: str
    channel: str
    address: str


class Told:
    """What one destination knows of withdrawals.

    Args:
        connection: In a transaction.
        destination: Its name.
        is_shadow: Whether nothing is told, so that nothing may be remembered.
    """

    def __init__(
        self, connection: Connection, destination: str, *, is_shadow: bool = False
    ) -> None:
        self._connection = connection
        self._destination = destination
        self._is_shadow = is_shadow

    def owed(self) -> list[Withdrawn]:
        """List the withdrawals of the ledger that the destination wasn't told yet.

        Whether it was ever told of the person plays no part: somebody may have typed the
        address in there by hand.

        Returns:
            The withdrawals.
        """
        rows = self._connection.execute(
            "SELECT shop_id, channel, address FROM consent.verdicts"
            " WHERE purpose = 'marketing' AND NOT allowed AND reason = 'withdrawn'"
            " AND NOT EXISTS (SELECT FROM sync.withdrawals AS told WHERE destination = %s"
            " AND told.shop_id = verdicts.shop_id AND told.channel = verdicts.channel"
            " AND told.address = verdicts.address) ORDER BY shop_id, channel, address",
            [self._destination],
        )
        return [Withdrawn(*row) for row in rows]

    def times(self) -> dict[tuple[str, str], datetime]:
        """Ask when the destination was last told of an address.

        Returns:
            The instant by channel and address.
        """
        rows = self._connection.execute(
            "SELECT channel, address, max(told_at) FROM sync.withdrawals WHERE destination = %s"
            " GROUP BY channel, address",
            [self._destination],
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def remember(self, withdrawn: Sequence[Withdrawn], run_id: UUID, at: datetime) -> None:
        """Note that the destination knows.

        Args:
            withdrawn: What it was told.
            run_id: The run that told it.
            at: The ledger's clock: a register's may be ahead of ours.
        """
        if not withdrawn or self._is_shadow:
            return
        self._connection.execute(
            "INSERT INTO sync.withdrawals (destination, shop_id, channel, address, told_at, run_id)"
            " SELECT %s, shop_id, channel, address, %s, %s"
            " FROM unnest(%s::text[], %s::text[], %s::text[]) AS told (shop_id, channel, address)"
            " ON CONFLICT (destination, shop_id, channel, address)"
            " DO UPDATE SET told_at = EXCLUDED.told_at, run_id = EXCLUDED.run_id",
            [self._destination, at, run_id, *_columns(list(dict.fromkeys(withdrawn)))],
        )

    def forget(self, granted: Iterable[Withdrawn]) -> None:
        """Forget withdrawals that a later grant has lifted, so that a new one is told again.

        Args:
            granted: The addresses that may be used again.
        """
        lifted = list(granted)
        if lifted and not self._is_shadow:
            self._connection.execute(
                "DELETE FROM sync.withdrawals USING unnest(%s::text[], %s::text[], %s::text[])"
                " AS lifted (shop_id, channel, address) WHERE destination = %s"
                " AND withdrawals.shop_id = lifted.shop_id"
                " AND withdrawals.channel = lifted.channel"
                " AND withdrawals.address = lifted.address",
                [*_columns(lifted), self._destination],
            )

    def cursor(self) -> str | None:
        """Ask how far the destination's opt-outs were read.

        Returns:
            Its cursor, or None before the first reading.
        """
        row = self._connection.execute(
            "SELECT cursor FROM sync.read_back WHERE destination = %s", [self._destination]
        ).fetchone()
        return None if row is None else row[0]

    def save_cursor(self, cursor: str | None) -> None:
        """Remember how far the destination's opt-outs were read.

        Args:
            cursor: Its cursor.
        """
        self._connection.execute(
            "INSERT INTO sync.read_back (destination, cursor, read_at) VALUES (%s, %s, now())"
            " ON CONFLICT (destination) DO UPDATE SET cursor = EXCLUDED.cursor,"
            " read_at = EXCLUDED.read_at",
            [self._destination, cursor],
        )


def _columns(addresses: Sequence[Withdrawn]) -> list[list[str]]:
    return [[address[index] for address in addresses] for index in range(3)]
