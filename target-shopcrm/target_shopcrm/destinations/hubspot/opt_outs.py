"""Who told HubSpot no, read from the marks that opt-outs leave on contacts.

HubSpot has no list of opt-outs that every plan may read. What every plan has is a search over
contacts, and on each contact the property `hs_email_optout` (unsubscribed from everything), one
`hs_email_optout_<subscription type>` each, and the reason of a hard bounce. How sure this is: the
properties are seen in answers HubSpot documents and in public code, not in its specification, so
each is only asked for after the account's list of properties named it; without the first, which
every account should have, the run stops. That setting one touches `lastmodifieddate` follows from
what that property means, but isn't promised.

Limits: an opt-out of an address that no contact has is not found (withdrawing such an address
works all the same), and a search is a little behind the truth, so each reading looks back.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.destinations.crm import OptOuts
from target_shopcrm.destinations.hubspot.account import OK, results_of
from target_shopcrm.destinations.hubspot.batches import OBJECTS, Batches
from target_shopcrm.destinations.hubspot.contacts import OPT_OUT, SCOPE
from target_shopcrm.destinations.items import OptOut
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.batches import Record
    from target_shopcrm.destinations.hubspot.properties import Properties

_BOUNCE = "hs_email_hard_bounce_reason_enum"
_CHANGED = "lastmodifieddate"
_PAGE = 200
_FOUND_AT_MOST = 10_000
"""A search tells no more; where more were found, the next one starts at the last."""
_LOOKS_BACK = timedelta(hours=1)
"""How far the search's index may be behind, generously: it is said to take moments."""


class OptOutSearch:
    """Searches contacts for opt-outs.

    Args:
        account: Where.
        properties: The properties of contacts.
        subscription: The subscription type of marketing e-mails.
    """

    def __init__(self, account: Account, properties: Properties, subscription: int) -> None:
        self._account = account
        self._properties = properties
        self._batches = Batches(account, "contacts", SCOPE)
        self._of_type = f"{OPT_OUT}_{subscription}"

    def read(self, cursor: str | None) -> OptOuts:
        """Read the opt-outs of contacts that changed since.

        Args:
            cursor: When the last contact found so far had changed (RFC 3339).

        Returns:
            Each with the time of HubSpot's history of the mark; and where to go on.

        Raises:
            CrmSetupError: If contacts have no mark of opt-outs.
        """
        marks = self._marks()
        since = _time(cursor) - _LOOKS_BACK if cursor else None
        changed: dict[str, datetime] = {}
        while True:
            is_whole = self._search(marks, since, changed)
            latest = max(changed.values(), default=None)
            if is_whole:
                break
            if latest is None or latest == since:
                raise CrmSetupError(
                    f"HubSpot changed more than {_FOUND_AT_MOST} unsubscribed contacts at the"
                    " same moment, which its search can't tell one by one: run again once some of"
                    " them changed, for example by editing their owner."
                )
            since = latest
        found = [out for record in self._with_history(changed, marks) for out in _outs(record)]
        reached = max(filter(None, [latest, _time(cursor) if cursor else None]), default=None)
        return OptOuts(found, _text(reached) if reached else None)

    def _marks(self) -> list[str]:
        names = self._properties.names
        if OPT_OUT not in names:
            raise CrmSetupError(
                f"HubSpot's contacts have no property {OPT_OUT}, so nobody's unsubscription can be"
                " read back, and nothing is sent: ask HubSpot's support what became of it."
            )
        return [name for name in (OPT_OUT, self._of_type, _BOUNCE) if name in names]

    def _search(
        self, marks: Sequence[str], since: datetime | None, changed: dict[str, datetime]
    ) -> bool:
        """Note which contacts have a mark; says whether that were all."""
        after = 0
        while True:
            body = {
                "filterGroups": [{"filters": _filters(mark, since)} for mark in marks],
                "properties": [_CHANGED],
                "sorts": [_CHANGED],
                "limit": _PAGE,
                "after": str(after),
            }
            path = f"{OBJECTS}/contacts/search"
            answer = self._account.call("POST", path, body, scope=f"{SCOPE}.read")
            if answer.status not in OK:
                raise self._account.unexpected("a search for unsubscribed contacts", answer)
            for each in results_of(answer):
                at = _time_or_none((each.get("properties") or {}).get(_CHANGED))
                if at is None:
                    raise self._account.unexpected("a search for unsubscribed contacts", answer)
                changed[str(each.get("id"))] = at
            following = (answer.body.get("paging") or {}).get("next") or {}
            if not following.get("after"):
                return True
            after = int(following["after"])
            if after + _PAGE > _FOUND_AT_MOST:
                return False

    def _with_history(self, changed: Mapping[str, datetime], marks: Sequence[str]) -> list[Record]:
        return self._batches.read(changed, None, ["email", *marks], marks)


def _filters(mark: str, since: datetime | None) -> list[dict[str, str]]:
    is_set = {"propertyName": mark, "operator": "EQ", "value": "true"}
    if mark == _BOUNCE:
        is_set = {"propertyName": mark, "operator": "HAS_PROPERTY"}
    if since is None:
        return [is_set]
    milliseconds = str(int(since.timestamp() * 1000))
    return [is_set, {"propertyName": _CHANGED, "operator": "GTE", "value": milliseconds}]


def _outs(record: Record) -> list[OptOut]:
    """The opt-outs of one contact, if it still has an address and a mark."""
    held = record.properties
    email = held.get("email")
    return [
        OptOut(
            channel="email", address=email, at=_since_when(record, mark), cause=_cause(mark, value)
        )
        for mark, value in held.items()
        if email and ((mark.startswith(OPT_OUT) and value == "true") or mark == _BOUNCE)
    ]


def _cause(mark: str, value: str) -> str:
    return f"BOUNCE_{value}" if mark == _BOUNCE else mark.upper()


def _since_when(record: Record, mark: str) -> datetime | None:
    """When the mark got the value it has: where the newest entries of its history begin."""
    at = None
    for entry in record.history.get(mark) or ():
        if str(entry.get("value")) != record.properties[mark]:
            break
        at = _time_or_none(entry.get("timestamp"))
    return at


def _time(value: Any) -> datetime:
    return msgspec.convert(value, datetime).astimezone(timezone.utc)


def _time_or_none(value: Any) -> datetime | None:
    try:
        return _time(value)
    except msgspec.ValidationError:
        return None


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"
