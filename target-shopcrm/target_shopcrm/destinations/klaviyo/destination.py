"""The destination: what Klaviyo can do, and who here does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_shopcrm.destinations.crm import Capabilities, CrmDestination, Operation, Seen
from target_shopcrm.destinations.klaviyo import events, grants, imports, lists, withdrawals
from target_shopcrm.destinations.klaviyo.account import Account
from target_shopcrm.destinations.klaviyo.contacts import BUILT_IN, Contacts
from target_shopcrm.destinations.klaviyo.deletion import Deletion
from target_shopcrm.destinations.klaviyo.happenings import of_event, of_order
from target_shopcrm.destinations.klaviyo.opt_outs import OptOutReader
from target_shopcrm.destinations.klaviyo.profiles import (
    ADDRESS_MOVED,
    PROFILES,
    ProfilePage,
    Profiles,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.crm import OptOuts, Outcome
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
    from target_shopcrm.destinations.klaviyo.profiles import Profile
    from target_shopcrm.settings import CrmSettings


class Klaviyo(CrmDestination):
    """A Klaviyo account; see the package for how it works.

    Args:
        settings: `api_key` is a private key; `api_url` only for tests and proxies.
        patience: How long to wait.
    """

    name: ClassVar[str] = "klaviyo"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call={
            Operation.READ_OPT_OUTS: 100,
            Operation.LOOK_UP: 100,
            Operation.ERASE: 1,
            Operation.WITHDRAW: withdrawals.PER_CALL,
            Operation.UPSERT: imports.PER_CALL,
            Operation.GRANT: grants.PER_CALL,
            Operation.LIST: lists.PER_CALL,
            Operation.ORDER: events.PER_CALL,
            Operation.EVENT: events.PER_CALL,
        },
        channels=frozenset({"email", "sms"}),
        shape="job",
        history=frozenset({Operation.ORDER, Operation.EVENT}),
        cannot={
            Operation.CUE: "Klaviyo has no place for hints to staff",
        },
        quirks=(
            "A profile with an address is mailed unless it is suppressed, whoever agreed or not.",
            "Subscribing lifts opt-outs silently.",
            "An unsubscription that names a list unsubscribes everybody who isn't on it.",
            "A bulk import ignores null.",
            "An event creates and changes profiles.",
            "One repeated unique_id fails a whole batch of events.",
            "A recorded event, and so an order, can't be changed.",
            "The API acts later than it answers.",
        ),
    )

    def __init__(self, settings: CrmSettings, patience: Patience | None = None) -> None:
        settings.require(self.name, "api_key")
        self._list_ids = sorted(set(settings.lists.values()))
        self._account = Account(settings.api_key, settings.api_url, patience)
        self._profiles = Profiles(self._account)
        self._contacts = Contacts(self._account, self._profiles)
        self._deletion = Deletion(self._account, self._profiles)
        self._events = events.Events(self._account, self._profiles)
        self._grants = grants.Grants(self._account, self._profiles)
        self._lists = lists.Lists(self._account, self._profiles)
        self._opt_outs = OptOutReader(self._account)
        self._withdrawals = withdrawals.Withdrawals(self._account, self._profiles)

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._account.api.calls

    def open(self, connection: Connection) -> None:
        """Check the key, and that every list of the settings is there: one call for ten."""
        del connection
        if self._list_ids:
            self._lists.check(self._list_ids)
        else:
            params = {"page[size]": "1", "fields[profile]": "external_id"}
            self._account.read(PROFILES, ProfilePage, params=params)

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read suppressions of e-mail addresses, and STOPs to text messages."""
        return self._opt_outs.read(cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what Klaviyo holds: a call for 100 people, and one more for each list."""
        held = self._profiles.of(people)
        emails = [email for profile in held if profile and (email := profile.address("email"))]
        members = {list_id: self._lists.members(list_id, emails) for list_id in self._list_ids}
        return [None if profile is None else _seen(profile, members) for profile in held]

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete every profile of people, and see that it is gone."""
        return self._deletion.erase(people)

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Unsubscribe addresses that can be written to, and see that they can't any more."""
        return self._withdrawals.withdraw(withdrawals)

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Import contacts as profiles; consent stays as it is."""
        return self._contacts.upsert(contacts)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """Subscribe addresses whose owners haven't said no since."""
        return self._grants.grant(grants)

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Put people on lists and take them off."""
        return self._lists.set(memberships)

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Record orders as events; those that are history start no flow."""
        return self._events.record([of_order(order) for order in orders], again=False)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Record events; those that are history start no flow."""
        return self._events.record([of_event(event) for event in events], again=again)

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Say that there is no place for hints to staff."""
        del again
        return self._skipped(cues, Operation.CUE)

    def close(self) -> None:
        """Let go of the connections."""
        self._account.api.close()


def _seen(profile: Profile, members: dict[str, set[str]]) -> Seen:
    held = profile.attributes
    fields: Fields = {name: getattr(held, place) for name, place in BUILT_IN.items()}
    fields.update(profile.properties)
    fields.pop(ADDRESS_MOVED, None)
    return Seen(
        fields={name: value for name, value in fields.items() if value is not None},
        subscribed=frozenset(
            channel for channel in ("email", "sms") if _may_write(profile, channel)
        ),
        lists=frozenset(list_id for list_id, ids in members.items() if profile.id in ids),
        remote_id=profile.id,
    )


def _may_write(profile: Profile, channel: str) -> bool:
    return profile.address(channel) is not None and profile.permission(channel).can_receive
