"""The destination itself: what can be asked of Brevo, and which room answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_shopcrm.destinations.brevo import addresses, attributes, erasures, jobs, updates
from target_shopcrm.destinations.brevo import events as brevo_events
from target_shopcrm.destinations.brevo import lists as brevo_lists
from target_shopcrm.destinations.brevo import orders as brevo_orders
from target_shopcrm.destinations.brevo.api import BrevoApi
from target_shopcrm.destinations.brevo.census import Census
from target_shopcrm.destinations.brevo.held import BLOCK_FLAGS
from target_shopcrm.destinations.brevo.moves import Moves
from target_shopcrm.destinations.brevo.tasks import Tasks
from target_shopcrm.destinations.brevo.upserts import Upserts
from target_shopcrm.destinations.crm import (
    Capabilities,
    CrmDestination,
    Operation,
    OptOuts,
    Outcome,
    Seen,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.brevo.held import Held
    from target_shopcrm.destinations.http import Patience
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Event,
        Fields,
        Grant,
        Membership,
        Order,
        Person,
        Withdrawal,
    )
    from target_shopcrm.settings import CrmSettings


class Brevo(CrmDestination):
    """A Brevo account.

    Args:
        settings: `api_key`; `lists` with ``*``; `api_url` where it isn't Brevo's own.
        patience: How long to wait.
    """

    name = "brevo"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call={
            Operation.READ_OPT_OUTS: 1_000,
            Operation.LOOK_UP: 1_000,
            Operation.ERASE: 1,
            Operation.WITHDRAW: updates.MOST,
            Operation.UPSERT: jobs.MOST,
            Operation.GRANT: updates.MOST,
            Operation.LIST: brevo_lists.MOST,
            Operation.ORDER: brevo_orders.MOST,
            Operation.EVENT: brevo_events.MOST,
            Operation.CUE: 1,
        },
        channels=frozenset(BLOCK_FLAGS),
        identified_by=frozenset({"email", "phone"}),
        shape="job",
        history=frozenset({Operation.ORDER}),
        fields=attributes.FIELDS,
        cannot={
            "return": brevo_orders.RETURNS,
            "past event": brevo_events.HISTORY,
            "suppression of unknown addresses": (
                "Brevo keeps a no only in a contact, and nobody is created just for that"
            ),
        },
        quirks=(
            "changing a blocklisted contact's e-mail address lifts the blocklisting",
            "whoever is created may be written to at once",
            "values of unknown or ill-typed attributes are silently dropped",
            "an import ignores empty values, so it can't make Brevo forget",
            "nobody can tell from the API who blocklisted a contact",
            "everything but contacts, events and orders has 100 calls an hour",
        ),
    )

    def __init__(self, settings: CrmSettings, patience: Patience | None = None) -> None:
        self._api = BrevoApi(settings, patience)
        self._census = Census(self._api)
        self._imports = jobs.Imports(self._api)
        self._blocklist = updates.Blocklist(self._api, self._census)
        moves = Moves(self._api, self._census, self._blocklist)
        self._upserts = Upserts(self._api, self._census, self._imports, self._blocklist, moves)
        self._memberships = brevo_lists.Memberships(self._api, self._census)
        self._tasks = Tasks(self._api, self._census)

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._api.http.calls

    def open(self, connection: Connection) -> None:
        """Check the key, the attributes and the list of everybody: two calls if all is there."""
        del connection
        attributes.declare(self._api)
        brevo_lists.check_everybody(self._api)

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read whoever is blocklisted or has left one of our lists."""
        return addresses.read_opt_outs(self._api, self._census, cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what Brevo holds of people."""
        self._census.refresh(people)
        return [self._seen(person) for person in people]

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete people for good, whichever contact holds their addresses."""
        return erasures.erase(self._api, self._census, self._imports, people) if people else []

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Blocklist whoever holds an address, and read that it holds."""
        if not withdrawals:
            return []
        return addresses.withdraw(self._census, self._imports, self._blocklist, withdrawals)

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Create or change contacts."""
        return self._upserts.bring(contacts)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """See that Brevo would write; a no that isn't this run's own stays."""
        return addresses.grant(self._api, self._census, self._blocklist, grants)

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Put people on lists and take them off."""
        return self._memberships.set(memberships)

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Create or change orders."""
        return brevo_orders.send_orders(self._api, orders)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Send events, each at most once."""
        return brevo_events.send_events(self._api, events, again=again)

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Give staff their cues."""
        return self._tasks.send(cues, again=again)

    def close(self) -> None:
        """Let go of the connections."""
        self._api.http.close()

    def _seen(self, person: Person) -> Seen | None:
        match = self._census.match(person)
        held = match.own or next(iter(match.holders), None)
        return None if held is None else _as_seen(held)


def _as_seen(held: Held) -> Seen:
    addresses_held: Fields = {
        name: value for name, value in (("email", held.email), ("phone", held.phone)) if value
    }
    return Seen(
        fields={**held.fields, **addresses_held},
        subscribed=frozenset(each for each in BLOCK_FLAGS if held.is_writable(each)),
        lists=frozenset(map(str, held.lists)),
        remote_id=str(held.id),
    )
