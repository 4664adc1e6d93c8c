"""Reading back who told Klaviyo no.

E-mail: suppressions can be filtered and sorted by their time, of whatever origin. Text messages:
there is no such filter, but Klaviyo records each STOP as an event of its own metric. Re-reading
costs two calls. Each reading starts an hour before the last one ended, since Klaviyo promises
nothing about how soon something can be read.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.destinations.crm import OptOuts
from target_shopcrm.destinations.items import OptOut
from target_shopcrm.destinations.klaviyo.account import Page
from target_shopcrm.destinations.klaviyo.metrics import EVENTS, Metrics
from target_shopcrm.destinations.klaviyo.profiles import PROFILES, ProfilePage, in_utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.destinations.klaviyo.account import Account

STOPPED = "Unsubscribed from SMS Marketing"
"""Klaviyo's own metric; the name is the one that Klaviyo's published Singer tap reads."""
_SUPPRESSED_AT = "subscriptions.email.marketing.suppression.timestamp"
_OVERLAP = timedelta(hours=1)
_BEGINNING = datetime(2012, 1, 1, tzinfo=timezone.utc)
"""Klaviyo was founded in that year."""


class _Cursor(msgspec.Struct, frozen=True):
    """How far the reading came.

    Attributes:
        email: Time of the last suppression read.
        sms: Time of the last STOP read.
        metrics: The ids of the metric of STOPs, so that they need not be looked up again.
    """

    email: datetime = _BEGINNING
    sms: datetime = _BEGINNING
    metrics: list[str] = []


class _Ids(msgspec.Struct, frozen=True):
    id: str


class _Reference(msgspec.Struct, frozen=True):
    data: _Ids


class _Relationships(msgspec.Struct, frozen=True):
    profile: _Reference | None = None


class _When(msgspec.Struct, frozen=True):
    datetime: datetime


class _Stop(msgspec.Struct, frozen=True):
    attributes: _When
    relationships: _Relationships = _Relationships()


class _Phone(msgspec.Struct, frozen=True):
    phone_number: str | None = None


class _Included(msgspec.Struct, frozen=True):
    type: str
    id: str | None = None
    attributes: _Phone = _Phone()


class _Stops(Page, frozen=True, kw_only=True):
    data: list[_Stop]
    included: tuple[_Included, ...] = ()


class OptOutReader:
    """Reads who told Klaviyo no.

    Args:
        account: The account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._metrics = Metrics(account)

    def read(self, cursor: str | None) -> OptOuts:
        """Read opt-outs; see `CrmDestination.read_opt_outs`."""
        since = _cursor(cursor)
        emails = list(self._suppressions(since.email))
        metrics = since.metrics or self._metrics.ids(STOPPED)
        stops = [stop for metric in metrics for stop in self._stops(metric, since.sms)]
        reached = _Cursor(
            email=max([since.email, *(each.at for each in emails if each.at)]),
            sms=max([since.sms, *(each.at for each in stops if each.at)]),
            metrics=metrics,
        )
        return OptOuts([*emails, *stops], msgspec.json.encode(reached).decode())

    def _suppressions(self, since: datetime) -> Iterator[OptOut]:
        params = {
            "filter": f"greater-or-equal({_SUPPRESSED_AT},{_text(since)})",
            "sort": _SUPPRESSED_AT,
            "additional-fields[profile]": "subscriptions",
            "fields[profile]": "email,subscriptions",
            "page[size]": "100",
        }
        for page in self._account.pages(PROFILES, ProfilePage, params=params):
            for profile in page.data:
                address = profile.address("email")
                for each in profile.permission("email").opt_outs if address else ():
                    yield OptOut(
                        channel="email",
                        address=address or "",
                        at=in_utc(each.timestamp),
                        cause=each.reason,
                    )

    def _stops(self, metric: str, since: datetime) -> Iterator[OptOut]:
        params = {
            "filter": f'equals(metric_id,"{metric}"),greater-or-equal(datetime,{_text(since)})',
            "sort": "datetime",
            "include": "profile",
            "fields[event]": "datetime",
            "fields[profile]": "phone_number",
            "page[size]": "1000",
        }
        for page in self._account.pages(EVENTS, _Stops, params=params):
            phones = {each.id: each.attributes.phone_number for each in page.included}
            for stop in page.data:
                profile = stop.relationships.profile
                phone = phones.get(profile.data.id) if profile else None
                if phone:
                    at = in_utc(stop.attributes.datetime)
                    yield OptOut(channel="sms", address=phone, at=at, cause="UNSUBSCRIBED")


def _cursor(text: str | None) -> _Cursor:
    """Where to go on; what can't be read any more is read from the beginning."""
    if text is None:
        return _Cursor()
    try:
        return msgspec.json.decode(text, type=_Cursor)
    except msgspec.DecodeError:
        return _Cursor()


def _text(since: datetime) -> str:
    return (since - _OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
