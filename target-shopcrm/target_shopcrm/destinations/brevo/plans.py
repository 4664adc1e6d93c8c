"""How a contact gets into Brevo: decided from what Brevo holds, without a call."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from target_shopcrm.destinations.brevo.attributes import EMAIL, EXT_ID, SMS, emptied, written
from target_shopcrm.destinations.brevo.held import BLOCK_FLAGS

if TYPE_CHECKING:
    from target_shopcrm.destinations.brevo.census import Match
    from target_shopcrm.destinations.brevo.held import Held
    from target_shopcrm.destinations.items import Contact


class Way(Enum):
    """The ways into Brevo."""

    IMPORT = "import"
    """With many others: whoever is new. An import changes nobody who is there already."""
    UPDATE = "update"
    """A hundred a call: whoever is there; nothing changes but what is said."""
    MOVE = "move"
    """Alone, between two looks at the blocklisting: whoever's address could lift it."""
    NOTHING = "nothing"
    """Brevo doesn't know the person, and need not."""
    CLASH = "clash"
    """An address is another contact's."""


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done about one contact.

    Attributes:
        contact: What was asked for.
        way: How.
        held: The contact in Brevo, if there is one.
        email: The address to be written to; None if e-mail isn't permitted.
        phone: The same for texts.
        clash: Our name of the address that is another contact's.
    """

    contact: Contact
    way: Way
    held: Held | None = None
    email: str | None = None
    phone: str | None = None
    clash: str = ""

    @property
    def changed(self) -> list[str]:
        """The channels on which Brevo holds another address than the permitted one."""
        pairs = (("email", self.email), ("sms", self.phone))
        return [channel for channel, wanted in pairs if _differs(self.held, channel, wanted)]

    @property
    def is_added(self) -> bool:
        """Whether an address comes to a contact that is blocklisted although it had none."""
        held = self.held
        pairs = (("email", self.email), ("sms", self.phone))
        return held is not None and any(
            wanted and held.address(channel) is None and held.is_blocked(channel)
            for channel, wanted in pairs
        )

    @property
    def row(self) -> dict[str, Any]:
        """The contact's row of an import."""
        attributes: dict[str, object] = {EXT_ID: self.contact.who.external_id}
        if self.phone:
            attributes[SMS] = self.phone
        attributes.update(written(self.contact.fields))
        return (
            {"email": self.email, "attributes": attributes}
            if self.email
            else {"attributes": attributes}
        )

    def update(self, everybody: int, ours: frozenset[int]) -> dict[str, Any]:
        """What to change in the contact that Brevo holds; it never lifts anything.

        Args:
            everybody: The list of everybody who may be written to.
            ours: All lists of the settings.

        Returns:
            The body of an update, without the contact's number.
        """
        held = self.held
        if held is None:
            raise ValueError("there is nothing to update")
        attributes: dict[str, object] = {
            **emptied(self.contact.forget),
            **written(self.contact.fields),
        }
        addresses = (("email", EMAIL, self.email), ("sms", SMS, self.phone))
        attributes.update(
            (name, address)
            for channel, name, address in addresses
            if address and held.address(channel) != address
        )
        body: dict[str, Any] = {"attributes": attributes}
        if held.ext_id is None and self.contact.who.contact_id:
            body["ext_id"] = self.contact.who.external_id
        for channel, flag in BLOCK_FLAGS.items():
            if held.is_blocked(channel) or channel in self._not_permitted:
                body[flag] = True
        if not self.contact.channels and held.lists & ours:
            body["unlinkListIds"] = sorted(held.lists & ours)
        elif self._may_join(everybody):
            body["listIds"] = [everybody]
        return body

    @property
    def _not_permitted(self) -> set[str]:
        """The channels on which Brevo would write although nobody permitted it."""
        held = self.held
        permitted = self.contact.channels
        return {each for each in BLOCK_FLAGS if held and held.is_writable(each)} - {*permitted}

    def _may_join(self, everybody: int) -> bool:
        held = self.held
        if held is None or everybody in held.lists | held.left:
            return False
        return any(not held.is_blocked(channel) for channel in self.contact.channels)


def plan(contact: Contact, match: Match) -> Plan:
    """Decide how a contact gets into Brevo.

    Our own id decides who is who. A contact without any id is adopted by its address; one with
    another id stays what it is, since only a person can say that two are the same.

    Args:
        contact: What was asked for.
        match: The contacts in Brevo that it may be.

    Returns:
        The plan.
    """
    email = contact.who.email if "email" in contact.channels else None
    phone = contact.who.phone if "sms" in contact.channels else None
    email = email.lower() if email else None
    held = match.own or next((each for each in match.holders if each.ext_id is None), None)
    parts: dict[str, Any] = {"contact": contact, "held": held, "email": email, "phone": phone}
    for field, wanted, holder in (
        ("email", email, match.by_email),
        ("phone", phone, match.by_phone),
    ):
        if wanted and holder is not None and (held is None or holder.id != held.id):
            return Plan(**parts, way=Way.CLASH, clash=field)
    if held is None:
        return Plan(**parts, way=Way.IMPORT if email or phone else Way.NOTHING)
    planned = Plan(**parts, way=Way.MOVE)
    return planned if planned.changed or planned.is_added else replace(planned, way=Way.UPDATE)


def _differs(held: Held | None, channel: str, wanted: str | None) -> bool:
    before = held.address(channel) if held else None
    return bool(wanted and before and before != wanted)
