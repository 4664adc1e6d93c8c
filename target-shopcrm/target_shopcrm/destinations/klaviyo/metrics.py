"""Finding metrics and the events recorded under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.destinations.klaviyo.account import Endpoint, Page

if TYPE_CHECKING:
    from target_shopcrm.destinations.klaviyo.account import Account

METRICS = Endpoint("GET", "/api/metrics", 10, 150, "metrics:read")
EVENTS = Endpoint("GET", "/api/events", 350, 3500, "events:read")


class _Named(msgspec.Struct, frozen=True):
    name: str | None = None


class _Metric(msgspec.Struct, frozen=True):
    id: str
    attributes: _Named


class _MetricPage(Page, frozen=True, kw_only=True):
    data: list[_Metric]


class Metrics:
    """The metrics of an account. A metric appears with its first event.

    Args:
        account: The account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def ids(self, name: str) -> list[str]:
        """Find the metrics with a name; each integration may have one of the same name.

        Args:
            name: Such as ``Placed Order``.

        Returns:
            Their ids, none if nothing was ever recorded under it.
        """
        params = {"fields[metric]": "name"}
        return [
            metric.id
            for page in self._account.pages(METRICS, _MetricPage, params=params)
            for metric in page.data
            if metric.attributes.name == name
        ]
