"""The destination: what the contract asks for, said in BottleCRM's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_shopcrm.destinations.bottlecrm.api import BottleApi
from target_shopcrm.destinations.bottlecrm.consent import (
    granted,
    opt_outs_of,
    said_no_since,
    withdrawn,
)
from target_shopcrm.destinations.bottlecrm.contacts import Contacts
from target_shopcrm.destinations.bottlecrm.directory import Directory
from target_shopcrm.destinations.bottlecrm.erasure import erase
from target_shopcrm.destinations.bottlecrm.fields import CONSENT, PROFILE, fields_of
from target_shopcrm.destinations.bottlecrm.setup import check_tags, declare_fields
from target_shopcrm.destinations.bottlecrm.tasks import send_cue
from target_shopcrm.destinations.crm import (
    DONE,
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
    from target_shopcrm.destinations.bottlecrm.fields import Found
    from target_shopcrm.destinations.http import Patience
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Grant,
        Membership,
        Person,
        Withdrawal,
    )
    from target_shopcrm.settings import CrmSettings

_NO_CONTACT = Outcome("refused", reason="BottleCRM has no such contact")
_OTHER_ADDRESS = Outcome("refused", reason="the contact has another address by now")
_SAID_NO = Outcome("opted_out", reason="said no in BottleCRM")
_TASKS_ARE_OFF = Outcome("skipped", reason="the module Tasks is switched off in BottleCRM")


class BottleCRM(CrmDestination):
    """An organisation in a self-hosted BottleCRM.

    Args:
        settings: Needs `api_url` (without ``/api``) and `api_key`, a personal access token.
        patience: How long to wait.
    """

    name: ClassVar[str] = "bottlecrm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call={
            Operation.READ_OPT_OUTS: 500,
            Operation.LOOK_UP: 500,
            Operation.ERASE: 1,
            Operation.WITHDRAW: 1,
            Operation.UPSERT: 1,
            Operation.GRANT: 1,
            Operation.LIST: 1,
            Operation.CUE: 1,
        },
        channels=frozenset(CONSENT),
        fields=frozenset({"given_name", *PROFILE}),
        cannot={
            Operation.ORDER: "its orders have no API",
            Operation.EVENT: "it logs calls and messages that took place, nothing that is due",
        },
        quirks=(
            "An answer of 500 can mean that a contact was created: it is looked for first.",
            "Undeclared custom fields are dropped silently: they are declared, and read back.",
            "A wrong token is answered 403, as a missing permission is.",
            "Deleting a contact leaves its tasks: ours are deleted with it.",
        ),
    )

    def __init__(self, settings: CrmSettings, patience: Patience | None = None) -> None:
        settings.require(self.name, "api_url", "api_key")
        self._api = BottleApi(settings.api_url or "", settings.api_key, patience)
        self._directory = Directory(self._api)
        self._contacts = Contacts(self._api, self._directory)
        self._lists = frozenset(settings.lists.values())
        self._has_tasks = True

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._api.calls

    def open(self, connection: Connection) -> None:
        """Declare the custom fields and check the tags: two calls where all is in order.

        Args:
            connection: Not used.
        """
        del connection
        self._has_tasks = declare_fields(self._api)
        if self._lists:
            check_tags(self._api, self._lists)

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read the whole list of contacts; BottleCRM can't say what changed.

        Args:
            cursor: Not used, for the same reason.

        Returns:
            Every opt-out there is, also of people we never sent.
        """
        del cursor
        said = [each for found in self._directory.everybody() for each in opt_outs_of(found)]
        return OptOuts(said, None)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what BottleCRM holds of people."""
        known = self._known(people)
        return [_seen(known.get(each.external_id)) for each in people]

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete people with the tasks we made for them, and read the list to prove it."""
        return erase(self._api, self._directory, people)

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Close channels of every contact that has the address; creates none."""
        wanted = {(each.channel, each.address.lower()) for each in withdrawals}
        holders: dict[str, Found] = {}
        of_address: dict[tuple[str, str], set[str]] = {}
        for found in self._directory.everybody():
            for at_hand in found.addresses & wanted:
                holders[found.id] = found
                of_address.setdefault(at_hand, set()).add(found.id)
        outcomes = self._contacts.change(
            {
                found.id: withdrawn(found, {channel for channel, _ in found.addresses & wanted})
                for found in holders.values()
            }
        )
        holding = [of_address.get((e.channel, e.address.lower()), set()) for e in withdrawals]
        return [
            next((outcomes[i] for i in ids if outcomes[i].state != "done"), DONE) for ids in holding
        ]

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Create or change contacts, one call each, and read them back."""
        return self._contacts.upsert(contacts)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """Open channels, except where the person said no in BottleCRM later."""
        known = self._known([each.who for each in grants])
        outcomes: list[Outcome | None] = []
        opening: dict[str, set[str]] = {}
        for each in grants:
            found = known.get(each.who.external_id)
            outcomes.append(self._refusal(each, found))
            if found is not None and outcomes[-1] is None:
                opening.setdefault(found.external_id or "", set()).add(each.channel)
        told = self._contacts.change(
            {known[key].id: granted(known[key], channels) for key, channels in opening.items()}
        )
        return [
            outcome or told[known[each.who.external_id].id]
            for each, outcome in zip(grants, outcomes, strict=True)
        ]

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Put tags on contacts and take them off; BottleCRM only takes all tags at once."""
        known = self._known([each.who for each in memberships])
        tags = {key: set(found.tags) for key, found in known.items()}
        for each in memberships:
            if (on := tags.get(each.who.external_id)) is not None:
                (on.add if each.is_member else on.discard)(each.list_id)
        told = self._contacts.change(
            {
                found.id: {"tags": sorted(tags[key])} if tags[key] != set(found.tags) else {}
                for key, found in known.items()
            }
        )
        return [
            told[known[each.who.external_id].id]
            if each.who.external_id in known
            else (_NO_CONTACT if each.is_member else DONE)
            for each in memberships
        ]

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Create a task for each cue.

        Args:
            cues: Different ones.
            again: Some of them may be there.

        Returns:
            What became of each.
        """
        if not self._has_tasks:
            return [_TASKS_ARE_OFF] * len(cues)
        known = self._known([each.who for each in cues])
        return [
            send_cue(self._api, each, known[each.who.external_id].id, again=again)
            if each.who.external_id in known
            else _NO_CONTACT
            for each in cues
        ]

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()

    def _known(self, people: Sequence[Person]) -> dict[str, Found]:
        return self._directory.by_external_id({each.external_id for each in people})

    def _refusal(self, each: Grant, found: Found | None) -> Outcome | None:
        if found is None:
            return _NO_CONTACT
        if not found.has(each.channel, each.address):
            return _OTHER_ADDRESS
        noticed_at = self._directory.noticed_at(found, each.channel)
        return _SAID_NO if said_no_since(found, each.channel, each.given_at, noticed_at) else None


def _seen(found: Found | None) -> Seen | None:
    if found is None:
        return None
    return Seen(
        fields=fields_of(found),
        subscribed=frozenset(each for each in CONSENT if found.may_be_reached(each)),
        lists=frozenset(found.tags),
        remote_id=found.id,
    )
