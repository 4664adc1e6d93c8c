"""Destination hubspot: what the contract asks for, handed to whoever knows how."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_shopcrm.destinations.crm import (
    Capabilities,
    CrmDestination,
    Operation,
    OptOuts,
    Outcome,
    Seen,
)
from target_shopcrm.destinations.hubspot.account import OK, PER_CALL, Account, results_of
from target_shopcrm.destinations.hubspot.consent import Consent
from target_shopcrm.destinations.hubspot.contacts import Contacts
from target_shopcrm.destinations.hubspot.events import Events
from target_shopcrm.destinations.hubspot.lists import Lists
from target_shopcrm.destinations.hubspot.opt_outs import OptOutSearch
from target_shopcrm.destinations.hubspot.orders import Orders
from target_shopcrm.destinations.hubspot.properties import CONTACT, NAMES, Properties
from target_shopcrm.destinations.hubspot.tasks import Tasks
from target_shopcrm.errors import ConfigurationError, CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.http import Patience
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Event,
        Grant,
        Membership,
        Order,
        Person,
        Withdrawal,
    )
    from target_shopcrm.settings import CrmSettings

_DEFINITIONS = "/communication-preferences/2026-03/definitions"
_NO_TEXTS = "HubSpot holds consent for e-mail only; text messages have no place in it"


class HubSpot(CrmDestination):
    """HubSpot.

    Args:
        settings: With `api_key`, `subscription_type_id` and `consent_explanation`.
        patience: How long to wait.

    Raises:
        ConfigurationError: If one of these settings is missing, or isn't what it should be.
    """

    name: ClassVar[str] = "hubspot"
    capabilities: ClassVar[Capabilities] = Capabilities(
        per_call={
            **dict.fromkeys(Operation, PER_CALL),
            Operation.ERASE: 1,
        },
        channels=frozenset({"email"}),
        identified_by=frozenset({"email"}),
        shape="per_item",
        fields=frozenset(NAMES),
        cannot={
            "sms": _NO_TEXTS,
            "history": "orders and events can't be marked as history, so history is not sent",
            "event": "custom events need an Enterprise plan",
        },
        quirks=(
            "Without Marketing Hub Enterprise consent takes calls per person, not per hundred.",
            "A contact may be written to unless it was unsubscribed; a yes is not needed.",
            "Merging changes record ids, so contacts are keyed by pos_customer_id.",
            "An address can belong to one contact only.",
            "Archiving can be undone, so erasing is HubSpot's GDPR deletion.",
        ),
    )

    def __init__(self, settings: CrmSettings, patience: Patience | None = None) -> None:
        settings.require(self.name, "api_key", "subscription_type_id", "consent_explanation")
        if not (settings.subscription_type_id or "").isdecimal():
            raise ConfigurationError(
                "The setting subscription_type_id must be the number of a HubSpot subscription"
                " type; HubSpot's page in docs/crms says where to find it."
            )
        subscription = int(settings.subscription_type_id or 0)
        self._subscription = subscription
        self._account = Account(settings.api_key, settings.api_url, patience)
        self._properties = Properties(
            self._account, "contacts", CONTACT, "crm.schemas.contacts.write"
        )
        self._contacts = Contacts(
            self._account, self._properties, subscription, has_lists=bool(settings.lists)
        )
        self._consent = Consent(self._account, subscription, settings.consent_explanation or "")
        self._opt_outs = OptOutSearch(self._account, self._properties, subscription)
        self._lists = Lists(self._account, self._contacts)
        self._orders = Orders(self._account, self._contacts)
        self._events = Events(self._account, self._contacts)
        self._tasks = Tasks(self._account, self._contacts)

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._account.calls

    def open(self, connection: Connection) -> None:
        """Check the token and the subscription type; create the properties that are missing.

        Args:
            connection: Not needed.

        Raises:
            DestinationError: If HubSpot can't be used like this.
        """
        del connection
        self._check_subscription_type()
        self._properties.declare()

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read who is unsubscribed or bounced, of contacts that changed since; see `opt_outs`."""
        return self._opt_outs.read(cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what HubSpot holds of people: up to three calls per hundred."""
        return self._contacts.look_up(people)

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete people by HubSpot's GDPR deletion, which blocks their address as well."""
        return self._contacts.erase(people)

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Unsubscribe addresses from everything, and read back that they are."""
        emails = [each.address for each in withdrawals if each.channel == "email"]
        outcomes = self._consent.withdraw(emails)
        texts = Outcome("skipped", reason=_NO_TEXTS)
        return [
            outcomes[each.address] if each.channel == "email" else texts for each in withdrawals
        ]

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Create, change or blank contacts by `pos_customer_id`; consent is never touched."""
        return self._contacts.upsert(contacts)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """Note that addresses are subscribed, unless a later opt-out stands."""
        emails = [each for each in grants if each.channel == "email"]
        outcomes = iter(self._consent.grant(emails))
        texts = Outcome("skipped", reason=_NO_TEXTS)
        return [next(outcomes) if each.channel == "email" else texts for each in grants]

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Put people on static lists and take them off."""
        return self._lists.change(memberships)

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Create or change orders by `pos_order_id`, linked to their contacts."""
        return self._orders.send(orders)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Send custom events; each has a `uuid` of its own, so sending again doubles nothing."""
        del again
        return self._events.send(events)

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Create tasks that aren't there yet, whether or not this is another attempt."""
        del again
        return self._tasks.send(cues)

    def close(self) -> None:
        """Let go of the connections."""
        self._account.close()

    def _check_subscription_type(self) -> None:
        answer = self._account.call("GET", _DEFINITIONS, scope="communication_preferences.read")
        if answer.status not in OK:
            raise self._account.unexpected("reading the subscription types", answer)
        for each in results_of(answer):
            if str(each.get("id")) == str(self._subscription) and each.get("isActive") is True:
                return
        raise CrmSetupError(
            f"HubSpot has no active subscription type {self._subscription}: correct the setting"
            " subscription_type_id, then run again."
        )
