"""Changing a contact's address, which lifts its blocklisting in Brevo.

The person's no outlives the old address: whoever was blocklisted before is blocklisted after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.brevo.api import error_code, error_text
from target_shopcrm.destinations.brevo.attributes import differing
from target_shopcrm.destinations.brevo.held import BLOCK_FLAGS
from target_shopcrm.destinations.crm import Outcome

if TYPE_CHECKING:
    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census
    from target_shopcrm.destinations.brevo.held import Held
    from target_shopcrm.destinations.brevo.plans import Plan
    from target_shopcrm.destinations.brevo.updates import Blocklist

_GONE = Outcome("uncertain", reason="the contact was deleted in Brevo meanwhile")
_OK = {200, 201, 204}


class Moves:
    """Changes addresses, one contact at a time.

    Args:
        api: The account.
        census: Who is in it.
        blocklist: Blocklisting with proof.
    """

    def __init__(self, api: BrevoApi, census: Census, blocklist: Blocklist) -> None:
        self._api = api
        self._census = census
        self._blocklist = blocklist

    def move(self, planned: Plan) -> Outcome:
        """Change one contact, its address above all.

        Args:
            planned: With the contact that Brevo holds.

        Returns:
            The outcome; if Brevo refuses the new address, the old one is closed.
        """
        held = planned.held
        before = self._census.read(str(held.id), "contact_id") if held is not None else None
        if before is None:
            return _GONE
        ours = frozenset(self._api.lists.values())
        body = planned.update(self._api.everybody, ours)
        for channel, flag in BLOCK_FLAGS.items():
            if before.is_blocked(channel):
                body[flag] = True
        params = {"identifierType": "contact_id"}
        answer = self._api.call("PUT", f"/contacts/{before.id}", params=params, json=body)
        if answer.status in _OK:
            return self._settled(planned, before)
        if answer.status not in {400, 404, 409, 422}:
            raise self._api.unexpected("changing a contact's address", answer)
        field = _field(error_text(answer), planned)
        if self._close(planned, before):
            return Outcome("uncertain", str(before.id), field, "the old address is still open")
        return Outcome("refused", str(before.id), field, error_code(answer))

    def _settled(self, planned: Plan, before: Held) -> Outcome:
        """Look again: what was blocklisted has to be, and what was sent has to be there."""
        after = self._census.read(str(before.id), "contact_id")
        if after is None:
            return _GONE
        lifted = {
            (after.id, channel)
            for channel in BLOCK_FLAGS
            if before.is_blocked(channel) and not after.is_blocked(channel)
        }
        if lifted and self._blocklist.block(lifted, ours=False):
            return Outcome("uncertain", str(after.id), reason="the blocklisting didn't hold")
        for channel, field, wanted in (
            ("email", "email", planned.email),
            ("sms", "phone", planned.phone),
        ):
            if wanted and after.address(channel) != wanted:
                self._close(planned, after)
                return Outcome("refused", str(after.id), field, "Brevo dropped the value")
        contact = planned.contact
        forget = contact.forget - contact.fields.keys()
        wrong = differing(contact.fields, forget, after.fields)
        if wrong:
            return Outcome("refused", str(after.id), wrong[0], "Brevo dropped the value")
        return Outcome("done", str(after.id))

    def _close(self, planned: Plan, held: Held) -> bool:
        """Blocklist the old address on each channel that has another; True if that failed."""
        open_ones = {(held.id, each) for each in planned.changed if held.is_writable(each)}
        return bool(self._blocklist.block(open_ones))


def _field(text: str, planned: Plan) -> str:
    changed = planned.changed
    if len(changed) == 1:
        return "email" if changed[0] == "email" else "phone"
    if "email" in text:
        return "email"
    return "phone" if "phone" in text or "sms" in text else ""
