"""The destination: what the contract asks for, said in Tryton's terms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from target_shopcrm.destinations.crm import (
    Capabilities,
    CrmDestination,
    Operation,
    OptOuts,
    Outcome,
    Seen,
)
from target_shopcrm.destinations.tryton import consent
from target_shopcrm.destinations.tryton.batches import SIZE, in_batches, until_settled
from target_shopcrm.destinations.tryton.erasure import Erasure
from target_shopcrm.destinations.tryton.notes import send_cues
from target_shopcrm.destinations.tryton.parties import Parties
from target_shopcrm.destinations.tryton.rpc import MissingModelError, TrytonRpc
from target_shopcrm.destinations.tryton.sales import Sales
from target_shopcrm.destinations.tryton.subscriptions import Subscriptions
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.http import Patience
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Fields,
        Grant,
        Membership,
        Order,
        Person,
        Withdrawal,
    )
    from target_shopcrm.destinations.tryton.parties import Party
    from target_shopcrm.destinations.tryton.subscriptions import Subscription
    from target_shopcrm.settings import CrmSettings

_EVERYBODY = "*"
_NO_SALES = Outcome("skipped", reason="Tryton's module sale isn't activated")


class Tryton(CrmDestination):
    """A database of a self-hosted Tryton.

    Args:
        settings: Needs `api_url`, `database`, `username` and `api_key`, the user's password.
        patience: How long to wait.
    """

    name: ClassVar[str] = "tryton"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call={
            Operation.READ_OPT_OUTS: 1000,
            Operation.LOOK_UP: SIZE,
            Operation.ERASE: SIZE,
            Operation.WITHDRAW: SIZE,
            Operation.UPSERT: SIZE,
            Operation.GRANT: SIZE,
            Operation.LIST: SIZE,
            Operation.ORDER: SIZE,
            Operation.CUE: SIZE,
        },
        channels=frozenset({"email"}),
        shape="all_or_nothing",
        history=frozenset({Operation.ORDER}),
        fields=frozenset({"given_name"}),
        cannot={Operation.EVENT: "Tryton has no place for an occasion to write to somebody"},
        quirks=(
            "One refused record rolls back the whole call: refused calls are halved.",
            "Errors come with HTTP 200: the body is looked at.",
            "What isn't active is left out of searches: it is asked for.",
            "Being on a list is being mailed: only who is on that of everybody joins another.",
        ),
    )

    def __init__(self, settings: CrmSettings, patience: Patience | None = None) -> None:
        settings.require(self.name, "api_url", "database", "username", "api_key")
        self._rpc = TrytonRpc(settings, patience)
        self._lists = _list_ids(settings.lists)
        self._everybody = self._lists.get(_EVERYBODY)
        self._subscriptions = Subscriptions(self._rpc)
        self._parties = Parties(self._rpc, self._subscriptions)
        self._sales = Sales(self._rpc, self._parties)
        self._erasure = Erasure(self._rpc, self._parties, self._subscriptions, self._sales)

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._rpc.calls

    def open(self, connection: Connection) -> None:
        """Sign in and look at the lists: two calls.

        Args:
            connection: Not used.

        Raises:
            CrmSetupError: If Tryton lacks the module or a list.
        """
        del connection
        try:
            rows = self._rpc.search("marketing.email.list", [], ["name"])
        except MissingModelError:
            raise CrmSetupError(
                "Tryton's module marketing_email isn't activated: activate it, then run again."
            ) from None
        missing = sorted(set(self._lists.values()) - {row["id"] for row in rows})
        if missing:
            raise CrmSetupError(
                f"Tryton has no active mailing list with the id {missing[0]}, which the setting"
                " lists names: create it under Marketing and put its id there."
            )

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read who ended a subscription since, whoever put them on the list."""
        return consent.read_opt_outs(self._subscriptions, cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what Tryton holds of people, four calls for each batch."""
        seen: list[Seen | None] = []
        for batch in in_batches(people):
            known = self._parties.read(each.external_id for each in batch)
            addresses = {email.lower() for party in known.values() for email in party.emails[:1]}
            held = self._subscriptions.of(addresses)
            seen += [
                _seen(party, held) if (party := known.get(each.external_id)) else None
                for each in batch
            ]
        return seen

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete people with their subscriptions, drafts and notes, and read what is left."""
        return [each for batch in in_batches(people) for each in self._erasure.erase(batch)]

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """End every subscription of the addresses, and read whether it worked."""
        return until_settled(withdrawals, partial(consent.withdraw, self._subscriptions))

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Create and change parties, a call each for every batch. Says nothing of consent."""
        return until_settled(contacts, self._parties.upsert)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """Subscribe to the list of everybody, unless the person ended a subscription later."""
        return until_settled(grants, partial(consent.grant, self._subscriptions, self._everybody))

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Subscribe to other lists, and end that."""
        return until_settled(
            memberships, partial(consent.set_memberships, self._subscriptions, self._everybody)
        )

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Create and change draft sales; nothing follows from a draft."""
        try:
            return until_settled(orders, self._sales.send)
        except MissingModelError:
            return [_NO_SALES] * len(orders)

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Write notes; what is there already is looked up every time.

        Args:
            cues: Different ones.
            again: Makes no difference here.

        Returns:
            What became of each.
        """
        del again
        return until_settled(cues, partial(send_cues, self._rpc, self._parties))

    def close(self) -> None:
        """Let go of the connections."""
        self._rpc.close()


def _list_ids(lists: Mapping[str, str]) -> dict[str, int]:
    for list_id in lists.values():
        if not list_id.isdigit():
            raise CrmSetupError(
                f"Tryton's lists have numbers for ids, and the setting lists names {list_id}: put"
                " the id of a mailing list there."
            )
    return {segment: int(list_id) for segment, list_id in lists.items()}


def _seen(party: Party, held: Mapping[str, Sequence[Subscription]]) -> Seen:
    email = next(iter(party.emails), None)
    active = [each for each in held.get((email or "").lower(), ()) if each.is_active]
    fields: Fields = {"given_name": party.name, "email": email}
    return Seen(
        fields={name: value for name, value in fields.items() if value},
        subscribed=frozenset({"email"} if active else ()),
        lists=frozenset(str(each.list_id) for each in active),
        remote_id=str(party.id),
    )
