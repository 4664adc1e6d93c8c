"""Changing contacts that exist, a hundred a call, and blocklisting with proof.

``/contacts/batch`` changes only what it is told and creates nobody. Setting a value twice is the
same as setting it once, so these calls are simply repeated after a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.brevo.api import error_code
from target_shopcrm.destinations.brevo.held import BLOCK_FLAGS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census

MOST = 100
"""Contacts in one call. Brevo's SDK names no maximum, so this is a cautious guess: it costs ten
calls for a thousand people where the limit is ten calls a second."""
_BAD_REQUEST, _SOME_FAILED = {400, 404}, 207

Update = dict[str, Any]
"""An item of ``/contacts/batch``: ``id`` and what to change."""


def send_updates(api: BrevoApi, updates: Sequence[Update]) -> dict[int, str]:
    """Change contacts; one bad item never costs another.

    Args:
        api: The account.
        updates: Each with the contact's number as ``id``.

    Returns:
        The contacts that were not changed, each with Brevo's word for why.
    """
    failed: dict[int, str] = {}
    for start in range(0, len(updates), MOST):
        failed.update(_send(api, updates[start : start + MOST]))
    return failed


def _send(api: BrevoApi, updates: Sequence[Update]) -> Iterator[tuple[int, str]]:
    if not updates:
        return
    answer = api.call("POST", "/contacts/batch", json={"contacts": list(updates)})
    if answer.status == _SOME_FAILED:
        body = api.body(answer, "updating contacts", _SOME_FAILED)
        yield from ((each, "not updated") for each in body.get("failureIds") or ())
    elif answer.status in _BAD_REQUEST and len(updates) > 1:
        middle = len(updates) // 2
        yield from _send(api, updates[:middle])
        yield from _send(api, updates[middle:])
    elif answer.status in _BAD_REQUEST:
        yield updates[0]["id"], error_code(answer)
    elif not answer.ok:
        raise api.unexpected("updating contacts", answer)


class Blocklist:
    """Blocklisting and its lifting, verified by reading.

    Args:
        api: The account.
        census: Who is in it.
    """

    def __init__(self, api: BrevoApi, census: Census) -> None:
        self._api = api
        self._census = census
        self._ours: set[tuple[int, str]] = set()

    def is_ours(self, contact_id: int, channel: str) -> bool:
        """Whether this run blocklisted the contact, which nobody had done before."""
        return (contact_id, channel) in self._ours

    def block(
        self, pairs: Collection[tuple[int, str]], *, ours: bool = True
    ) -> set[tuple[int, str]]:
        """Blocklist contacts on channels.

        Args:
            pairs: Contact and channel, not blocklisted as far as was seen.
            ours: Whether it is this run that wants it; False to restore the person's own no.

        Returns:
            The pairs that are not proven to be blocklisted now.
        """
        if ours:
            self._ours.update(pairs)
        return self._set(pairs, blocked=True)

    def lift(self, pairs: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
        """Lift what this run blocklisted; never call it for anything else.

        Returns:
            The pairs that are not proven to be lifted now.
        """
        return self._set(pairs, blocked=False)

    def _set(self, pairs: Collection[tuple[int, str]], *, blocked: bool) -> set[tuple[int, str]]:
        updates: dict[int, Update] = {}
        for contact_id, channel in pairs:
            update = updates.setdefault(contact_id, {"id": contact_id})
            update[BLOCK_FLAGS[channel]] = blocked
        send_updates(self._api, list(updates.values()))
        if len(updates) > 1:  # one page of what changed instead of a look at each
            self._census.catch_up()
        return {pair for pair in pairs if not self._is_proven(*pair, blocked=blocked)}

    def _is_proven(self, contact_id: int, channel: str, *, blocked: bool) -> bool:
        seen = self._census.seen(contact_id)
        if seen is None or seen.is_blocked(channel) is not blocked:
            seen = self._census.read(str(contact_id), "contact_id")
        if seen is None:  # deleted meanwhile: nobody can write to it
            return blocked
        return seen.is_blocked(channel) is blocked
