"""Destination jsonl: the file that a CRM would have been sent, each line exactly once.

The database knows how many bytes of the file belong to committed transactions. Whatever stands
behind them was written by a run that didn't live to commit, and is cut off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import msgspec

from target_shopcrm.destinations.crm import DONE, Capabilities, CrmDestination, Operation
from target_shopcrm.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.crm import Outcome
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Event,
        Membership,
        Order,
        Person,
        Withdrawal,
    )

_OWNER_ONLY = 0o600
_UNLIMITED = 1_000_000
_encode = msgspec.json.Encoder().encode


class JsonLines(CrmDestination):
    """A file of JSON lines.

    Args:
        path: The file; its folder is made if need be. A file that was moved away is begun anew.
    """

    name: ClassVar[str] = "jsonl"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call=dict.fromkeys(
            set(Operation) - {Operation.READ_OPT_OUTS, Operation.LOOK_UP, Operation.GRANT},
            _UNLIMITED,
        ),
        channels=frozenset({"email", "sms", "phone", "whatsapp"}),
        shape="all_or_nothing",
        history=frozenset({Operation.ORDER, Operation.EVENT}),
        cannot={
            Operation.READ_OPT_OUTS: "a file hears nothing back from people",
            Operation.LOOK_UP: "a file isn't read back",
            Operation.GRANT: "an upsert names the channels that may be used",
        },
    )

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._descriptor: int | None = None
        self._committed = 0
        self._pending: int | None = None

    def open(self, connection: Connection) -> None:
        """Open the file and cut off what no transaction vouches for.

        Args:
            connection: In a transaction.

        Raises:
            OutputError: If the file can't be written, or is shorter than what was committed.
        """
        row = connection.execute(
            "SELECT committed_bytes FROM sync.outputs WHERE destination = %s AND path = %s",
            [self.name, str(self._path)],
        ).fetchone()
        committed = int(row[0]) if row else None
        if not self._path.exists():
            committed = 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
            descriptor = os.open(self._path, flags, _OWNER_ONLY)
            size = os.fstat(descriptor).st_size
        except OSError as error:
            raise self._unwritable(error) from error
        if committed is None:  # a file from elsewhere is continued, not touched
            committed = size
        if size < committed:
            os.close(descriptor)
            raise OutputError(
                f"The file {self._path} has {size} bytes where {committed} were written; somebody"
                " changed it: move it away, then run again."
            )
        self._descriptor, self._committed = descriptor, committed
        self._truncate(committed)
        self._remember(connection, committed)

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Write whom to erase.

        Args:
            people: Whom.

        Returns:
            Done, for each.
        """
        return self._append(
            {"action": "erase", "stream": "contacts", **_key(who), "addresses": who.addresses}
            for who in people
        )

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Write which addresses must not be used any more.

        Args:
            withdrawals: Which.

        Returns:
            Done, for each.
        """
        return self._append(
            {
                "action": "withdraw",
                "stream": "contacts",
                **_key(each.who),
                "channel": each.channel,
                "address": each.address,
            }
            for each in withdrawals
        )

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Write what may be known of contacts; a field that is left out must be forgotten.

        Args:
            contacts: Of whom.

        Returns:
            Done, for each.
        """
        return self._append(
            {
                "action": "upsert",
                "stream": "contacts",
                **_key(each.who),
                "channels": each.channels,
                **_addresses(each.who),
                **each.fields,
            }
            if each.channels
            else {"action": "forget", "stream": "contacts", **_key(each.who)}
            for each in contacts
        )

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Write who joins and who leaves a list.

        Args:
            memberships: Who.

        Returns:
            Done, for each.
        """
        return self._append(
            {
                "action": "join" if each.is_member else "leave",
                "stream": "lists",
                **_key(each.who),
                "list_id": each.list_id,
            }
            for each in memberships
        )

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Write orders.

        Args:
            orders: Which.

        Returns:
            Done, for each.
        """
        return self._append(_fact("orders", each.who, each) for each in orders)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Write events; what a dead run wrote of them was cut off.

        Args:
            events: Which.
            again: Makes no difference here.

        Returns:
            Done, for each.
        """
        del again
        return self._append(_fact("events", each.who, each) for each in events)

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Write cues for staff.

        Args:
            cues: Which.
            again: Makes no difference here.

        Returns:
            Done, for each.
        """
        del again
        return self._append(_fact("cues", each.who, each) for each in cues)

    def settle(self, connection: Connection) -> None:
        """Vouch for what was written since the last commit.

        Args:
            connection: In the transaction that stores the outcomes.
        """
        if self._descriptor is not None and self._pending is not None:
            self._remember(connection, self._pending)

    def committed(self) -> None:
        """Note that the transaction of the last lines is durable."""
        self._committed, self._pending = self._end, None

    def rolled_back(self) -> None:
        """Cut off what was written in the transaction that is gone."""
        self._pending = None
        if self._descriptor is not None:
            self._truncate(self._committed)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, lines: Iterable[dict[str, object]]) -> Sequence[Outcome]:
        encoded = [_encode(line) + b"\n" for line in lines]
        if self._descriptor is None:
            raise OutputError(f"The file {self._path} isn't open; run again.")
        left = memoryview(b"".join(encoded))
        position = self._end
        try:
            os.lseek(self._descriptor, position, os.SEEK_SET)
            while left:
                written = os.write(self._descriptor, left)
                left = left[written:]
                position += written
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unwritable(error) from error
        self._pending = position
        return [DONE] * len(encoded)

    @property
    def _end(self) -> int:
        return self._committed if self._pending is None else self._pending

    def _truncate(self, size: int) -> None:
        if self._descriptor is None:
            return
        try:
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unwritable(error) from error

    def _remember(self, connection: Connection, size: int) -> None:
        connection.execute(
            "INSERT INTO sync.outputs (destination, path, committed_bytes) VALUES (%s, %s, %s)"
            " ON CONFLICT (destination, path) DO UPDATE"
            " SET committed_bytes = EXCLUDED.committed_bytes"
            " WHERE sync.outputs.committed_bytes <> EXCLUDED.committed_bytes",
            [self.name, str(self._path), size],
        )

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"The file {self._path} can't be written ({error.strerror}); check its folder, its"
            " permissions and the space on its disk, then run again."
        )


def _key(who: Person) -> dict[str, object]:
    """Whom a line is about; nobody's id where the address was never delivered."""
    return {"shop_id": who.shop_id, "contact_id": who.contact_id or None}


def _addresses(who: Person) -> dict[str, object]:
    pairs = {"email": who.email, "phone": who.phone}
    return {name: value for name, value in pairs.items() if value is not None}


def _fact(stream: str, who: Person, item: Order | Event | Cue) -> dict[str, object]:
    fields = {name: value for name, value in msgspec.structs.asdict(item).items() if name != "who"}
    return {"action": "send", "stream": stream, **_key(who), **_addresses(who), **fields}
