"""Whether an event may make the CRM write to somebody right now, or has to wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from target_shopcrm.consent.sending import hold
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.routes.crm.run import EVENTS, waits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from target_shopcrm.records import ContactEvent
    from target_shopcrm.routes.crm.run import CrmRun, RecordKey
    from target_shopcrm.routes.work import Work


class Holding:
    """Quiet hours and frequency caps for the events of one batch.

    Args:
        run: The run.
        work: The transaction.
        addresses: The normalised addresses that the events may go to.
    """

    def __init__(self, run: CrmRun, work: Work, addresses: Collection[str]) -> None:
        self._run = run
        self._work = work
        self._at = run.clock()
        days = [cap.days for caps in work.policy.frequency_caps.values() for cap in caps]
        self._sent: dict[str, dict[RecordKey, datetime]] = {}
        if days and addresses:
            since = self._at - timedelta(days=max(days))
            self._sent = run.deliveries(work, EVENTS).times_to(addresses, since)

    def channels(self, event: ContactEvent, reachable: Mapping[str, str]) -> dict[str, str]:
        """The channels on which an event may be answered now.

        If there is none, the event is put aside until the first one is free again; an event
        that has expired by then, or has expired already, is counted and dropped.

        Args:
            event: The event.
            reachable: The address of each channel that the person permits.

        Returns:
            The channels that are free, with their addresses.
        """
        if event.expires_at is not None and event.expires_at <= self._at:
            self._count("event_expired")
            return {}
        free: dict[str, str] = {}
        until: list[datetime] = []
        reason = ""
        for channel, address in reachable.items():
            held = hold(
                self._work.policy,
                event.shop_id,
                channel,
                address,
                None,
                self._at,
                self._sent_before(event, address),
            )
            if held is None:
                free[channel] = address
                continue
            reason = str(held.reason)
            if held.until is not None:
                until.append(held.until)
        if free:
            # A message counts against the cap from the moment it is decided on.
            for address in free.values():
                self._sent.setdefault(address, {})[event.shop_id, event.event_id] = self._at
            return free
        self._count(reason)
        # Where time alone changes nothing, somebody may still say which time zone it is there.
        again_at = min(until) if until else None
        if again_at is None or event.expires_at is None or again_at < event.expires_at:
            self._run.wait(self._work, [waits(EVENTS, event, reason, again_at)])
        return {}

    def _sent_before(self, event: ContactEvent, address: str) -> list[datetime]:
        """When others went there: a try that nobody knows the end of doesn't hold the next one."""
        itself = (event.shop_id, event.event_id)
        return [at for key, at in self._sent.get(address, {}).items() if key != itself]

    def _count(self, reason: str) -> None:
        self._work.counts.add(EVENTS, withheld=1)
        self._work.counts.withheld[WithheldField(EVENTS, "*", "", "marketing", reason)] += 1
