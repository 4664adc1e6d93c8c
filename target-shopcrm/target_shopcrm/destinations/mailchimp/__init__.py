"""Destination mailchimp: one audience of Mailchimp's Marketing API 3.0.

How this vendor works, and its traps; [spec] is Mailchimp's Swagger, [issues] what many users of
its API report:

* A member is an e-mail address; consent is the `status` of the member and can't be told apart
  from it. Every member of a batch needs a status, and the batch changes that of existing ones
  [spec]. So only permitted contacts go through the batch; see `contacts`.
* A person's own unsubscribe can't be lifted by API ("Member In Compliance State", or no word at
  all), one made by API or by the owner can [issues]; see `opt_outs`, also for why ours are marked.
* A new address is a new member; the former one would still be written to; see `contacts`.
* An order creates a member who wasn't there [spec]; see `store`.
* Events aren't deduplicated; see `events`. Jobs are only accepted at first; see `bulk`.
* A permanent deletion looks like "never seen" afterwards, and the address can't be imported again
  [spec].
* A 403 without a JSON body is throttling; see `account`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_shopcrm.destinations.crm import Capabilities, CrmDestination, Operation, Seen
from target_shopcrm.destinations.mailchimp.account import Account
from target_shopcrm.destinations.mailchimp.audience import (
    PER_CALL,
    SUBSCRIBED,
    Audience,
    Member,
    hash_of,
)
from target_shopcrm.destinations.mailchimp.bulk import PER_JOB
from target_shopcrm.destinations.mailchimp.contacts import Contacts
from target_shopcrm.destinations.mailchimp.erasure import erase
from target_shopcrm.destinations.mailchimp.events import Events
from target_shopcrm.destinations.mailchimp.fields import FIELDS, declare, from_merge
from target_shopcrm.destinations.mailchimp.opt_outs import EMAIL, OptOutBook
from target_shopcrm.destinations.mailchimp.segments import Segments
from target_shopcrm.destinations.mailchimp.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.crm import OptOuts, Outcome
    from target_shopcrm.destinations.http import Patience
    from target_shopcrm.destinations.items import (
        Contact,
        Event,
        Membership,
        Order,
        Person,
        Withdrawal,
    )
    from target_shopcrm.settings import CrmSettings

__all__ = ["Mailchimp"]


class Mailchimp(CrmDestination):
    """An audience.

    Args:
        settings: `api_key` and `audience_id`; `store_id` if orders are to go out; `lists` with
            ids of static segments or tags.
        patience: How long to wait.

    Raises:
        ConfigurationError: If a setting is missing, or the key doesn't name its data centre.
    """

    name: ClassVar[str] = "mailchimp"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call={
            Operation.READ_OPT_OUTS: 1_000,
            Operation.LOOK_UP: 1_000,
            Operation.ERASE: 1,
            Operation.WITHDRAW: PER_CALL,
            Operation.UPSERT: PER_CALL,
            Operation.LIST: PER_CALL,
            Operation.ORDER: PER_JOB,
            Operation.EVENT: PER_JOB,
        },
        channels=frozenset({EMAIL}),
        identified_by=frozenset({EMAIL}),
        shape="per_item",
        history=frozenset({Operation.ORDER, Operation.EVENT}),
        fields=FIELDS,
        cannot={
            Operation.GRANT: "Mailchimp keeps consent as the status of the member: the upsert sets"
            " it.",
            Operation.CUE: "Mailchimp isn't where staff look; hints go to another CRM.",
        },
        quirks=(
            "A batch gives every member a status; only permitted contacts go through it.",
            "An unsubscribe made by API or by the owner can be lifted by a batch: read them first.",
            "Our own withdrawals would come back as opt-outs; they are marked.",
            "A new address is a new member; the former one is unsubscribed and blanked.",
            "An order would create a member; only people who are in the audience get one.",
            "Events aren't deduplicated; what is in doubt is read back.",
            "A 403 without a JSON body is throttling.",
        ),
    )

    def __init__(self, settings: CrmSettings, patience: Patience | None = None) -> None:
        settings.require(self.name, "api_key", "audience_id")
        self._lists = frozenset(settings.lists.values())
        self._account = Account(settings, patience)
        self._audience = Audience(self._account)
        self._opt_outs = OptOutBook(self._account, self._audience)
        self._contacts = Contacts(self._account, self._audience, self._opt_outs)
        self._segments = Segments(self._account)
        self._events = Events(self._account, self._audience)
        self._store = Store(
            self._account, self._audience, settings.audience_id or "", settings.store_id
        )

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._account.api.calls

    @property
    def host(self) -> str:
        """Where the API is: host and port."""
        return self._account.api.host

    def open(self, connection: Connection) -> None:
        """Check the key and the audience, declare merge fields, check the lists.

        One call if everything is there already, one more if `lists` are set.

        Raises:
            DestinationError: If Mailchimp can't be used, or lacks what the settings name.
        """
        del connection  # Mailchimp keeps everything itself
        declare(self._account)
        if self._lists:
            self._segments.check(self._lists)

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read who unsubscribed, complained or bounced; our own withdrawals aren't among them."""
        return self._opt_outs.read(cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what Mailchimp holds of people."""
        ids = [hash_of(each) for each in people]
        found = self._audience.members({each for each in ids if each})
        return [_seen(found.get(each or "")) for each in ids]

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete people permanently, and what they bought."""
        return [erase(self._account, self._audience, self._store, each) for each in people]

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Unsubscribe addresses that are in the audience."""
        return self._opt_outs.withdraw(withdrawals)

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Create or change contacts; a permitted one is subscribed unless the person said no."""
        return self._contacts.upsert(contacts)

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Put people into static segments and take them out."""
        return self._segments.change(memberships)

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Create or change orders of people who are in the audience."""
        return self._store.send(orders)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Send events, each at most once."""
        return self._events.send(events, again=again)

    def close(self) -> None:
        """Let go of the connections."""
        self._account.api.close()


def _seen(member: Member | None) -> Seen | None:
    if member is None:
        return None
    return Seen(
        fields={"email": member.email_address, **from_merge(member.merge_fields)},
        subscribed=frozenset({EMAIL} if member.status == SUBSCRIBED else ()),
        lists=frozenset(str(each.id) for each in member.tags),
        remote_id=member.id,
    )
