"""Square's customers, what they consented to, and where merged profiles went.

Square can filter customers by the time of change but not sort by it, shows changes up to
minutes late, and lets a profile that was merged or deleted vanish. Two things about a
person change without the profile's `updated_at` moving: a custom attribute (searched for
by its own time of change) and a deletion (seen in the Events API, where a shop has turned
that on).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_pos import records
from tap_pos.asked_once import asked_once
from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError, Unmappable
from tap_pos.vendors.base import BadRecord, Batch, Vanishing
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page, PageDecoder, SingleDecoder
from tap_pos.vendors.square import wire
from tap_pos.vendors.square.consents import consents_of
from tap_pos.vendors.square.directory import address
from tap_pos.vendors.texts import birthday, instant, required_instant, text
from tap_pos.windows import Window, format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.square.api import SquareApi

    Tell = Callable[[str], None]

_CUSTOMERS = PageDecoder("customers", wire.Customer)
_GROUPS = PageDecoder("groups", wire.Group)
_ATTRIBUTES = PageDecoder("custom_attributes", wire.CustomAttribute)
_EVENTS = PageDecoder("events", wire.Event)
_ONE = SingleDecoder("customer", wire.Identity)
_IDENTITIES = PageDecoder("customers", wire.Identity)
_LARGEST_PAGE = 100
_LARGEST_GROUP_PAGE = 50
_EVENTS_KEPT = timedelta(days=28)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)
# No UPDATED_AT here: Square sorts customers by name or by creation only, and the order of
# creation is the one that does not change while pages are read.
_SORTED = {"field": "CREATED_AT", "order": "ASC"}

Attributes = dict[str, wire.CustomAttribute]


class CustomerReader:
    """Reads the customers of one shop.

    Args:
        api: Connection to Square.
        shop: The shop's settings.
        now: Square's clock.
        tell: Passes a sentence on to the user; called at most once.
    """

    def __init__(self, api: SquareApi, shop: ShopSettings, now: datetime, tell: Tell) -> None:
        self._api = api
        self._shop = shop
        self._now = now
        self._tell = tell
        self._has_events = True
        self._attribute_keys = sorted(
            {s.custom_attribute for s in shop.consent_sources if s.custom_attribute}
        )

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every profile that changed in a window, then the ends of vanished ones."""
        alive: dict[str, str] = {}
        for query in self._queries(window):
            for page in self._api.pages("POST", "/v2/customers/search", _CUSTOMERS, query):
                fresh = [person for person in page.items if person.id not in alive]
                alive.update((person.id, person.updated_at or "") for person in fresh)
                yield self._batch(Page(fresh, None, page.bad))
        yield self._ended(window, alive)

    def _queries(self, window: Window) -> Iterator[dict[str, Any]]:
        """Ask for changed profiles, then for profiles with a changed custom attribute."""
        changed = {"start_at": format_instant(window.start), "end_at": format_instant(window.end)}
        filters: list[dict[str, Any]] = [{"updated_at": changed}]
        filters += [
            {"custom_attribute": {"filters": [{"key": key, "updated_at": changed}]}}
            for key in self._attribute_keys
        ]
        for chosen in filters:
            yield {"limit": _LARGEST_PAGE, "query": {"filter": chosen, "sort": _SORTED}}

    def _batch(self, page: Page[wire.Customer]) -> Batch:
        attributes = self._attributes([person.id for person in page.items])
        observed_at = format_instant(self._now)

        def to_record(person: wire.Customer) -> records.Customer:
            groups = [self._group_names.get(key) for key in person.group_ids or ()]
            return customer(
                self._shop,
                person,
                sorted({name for name in groups if name}),
                attributes.get(person.id, {}),
                observed_at,
            )

        return map_all(page, to_record)

    @asked_once
    def _group_names(self) -> dict[str, str | None]:
        """Read the names of all customer groups, once per run and only if anyone is in one."""
        pages = self._api.pages(
            "GET", "/v2/customers/groups", _GROUPS, {"limit": str(_LARGEST_GROUP_PAGE)}
        )
        return {group.id: text(group.name) for page in pages for group in page.items}

    def _attributes(self, ids: Sequence[str]) -> Mapping[str, Attributes]:
        """Read custom attributes where the settings need them: one request per customer.

        Square has no way to read them for several customers at once.
        """
        if not self._attribute_keys:
            return {}
        found: dict[str, Attributes] = {}
        for identity, page in self._api.get_each(
            f"/v2/customers/{{}}/custom-attributes?limit={_LARGEST_PAGE}", ids, _ATTRIBUTES
        ):
            items = list(page.items) if page else []
            if page and page.cursor:
                query = {"limit": str(_LARGEST_PAGE), "cursor": page.cursor}
                path = f"/v2/customers/{quote(identity, safe='')}/custom-attributes"
                for more in self._api.pages("GET", path, _ATTRIBUTES, query):
                    items += more.items
            found[identity] = {entry.key: entry for entry in items if entry.key}
        return found

    @property
    def vanishing(self) -> Vanishing:
        """Say how deleted profiles are noticed of which no event tells."""
        return Vanishing(
            confirm=self._gone,
            tombstone=lambda identity, missed_at: records.Customer(
                shop_id=self._shop.id, id=identity, deleted_at=missed_at
            ),
            keys=self._every_id,
        )

    def _every_id(self) -> Iterator[Sequence[str]]:
        query = {"limit": _LARGEST_PAGE, "query": {"sort": _SORTED}}
        for page in self._api.pages("POST", "/v2/customers/search", _IDENTITIES, query):
            yield [person.id for person in page.items]

    def _gone(self, ids: Sequence[str]) -> list[str]:
        """Give the ids under which Square has no profile, or only that of another id."""
        return [
            identity
            for identity, person in self._api.get_each("/v2/customers/{}", ids, _ONE)
            if person is None or (isinstance(person, wire.Identity) and person.id != identity)
        ]

    def _ended(self, window: Window, alive: Mapping[str, str]) -> Batch:
        """Read which profiles were deleted or merged in a window, as far as Square tells.

        A profile that came back later (Square can undo both) is alive, not ended.
        """
        start = max(window.start, self._now - _EVENTS_KEPT)
        if not self._has_events or start > window.end:
            return Batch([])
        query = {
            "limit": _LARGEST_PAGE,
            "query": {
                "filter": {
                    "event_types": ["customer.deleted"],
                    "created_at": {
                        "start_at": format_instant(start),
                        "end_at": format_instant(window.end),
                    },
                },
                "sort": {"field": "DEFAULT", "order": "ASC"},
            },
        }
        batch = Batch([])
        try:
            for page in self._api.pages("POST", "/v2/events", _EVENTS, query):
                batch.bad.extend(page.bad)
                for event in page.items:
                    if not _came_back(event, alive):
                        self._end(event, batch)
        except (UnexpectedAnswerError, AccessDeniedError) as error:
            if isinstance(error, AccessDeniedError) and error.ends_shop:
                raise
            self._has_events = False
            self._tell(
                f"Shop '{self._shop.id}': Square's Events API is not available, so deleted and "
                "merged customers are noticed only every full_scan_days, and look the same; enable "
                "it (PUT /v2/events/enable) to see them at once."
            )
        return batch

    def _end(self, event: wire.Event, batch: Batch) -> None:
        """Add what an event ended to a batch."""
        try:
            batch.records.extend(tombstones(self._shop.id, event))
        except Unmappable as error:
            batch.bad.append(BadRecord(event.data.id, f"in the event of its end, {error}"))


def customer(
    shop: ShopSettings,
    person: wire.Customer,
    groups: list[str],
    attributes: Attributes,
    observed_at: str,
) -> records.Customer:
    """Map a customer profile.

    Args:
        shop: The shop's settings.
        person: The profile.
        groups: Names of the groups it is in, sorted.
        attributes: Its custom attributes by key.
        observed_at: Square's clock.
    """
    return records.Customer(
        shop_id=shop.id,
        id=person.id,
        given_name=text(person.given_name),
        family_name=text(person.family_name),
        email=text(person.email_address),
        phone=text(person.phone_number),
        birthday=birthday(person.birthday),
        address=address(person.address),
        reference_id=text(person.reference_id),
        groups=groups,
        consents=consents_of(
            shop.consent_sources, person.preferences, groups, attributes, observed_at
        ),
        created_at=instant(person.created_at),
        updated_at=instant(person.updated_at),
    )


def tombstones(shop_id: str, event: wire.Event) -> Iterator[records.Customer]:
    """Map a `customer.deleted` event to what is left of the profiles it ended.

    Raises:
        Unmappable: If it does not tell when that was.
    """
    context = event.data.object and event.data.object.event_context
    merge = context and context.merge
    ended = {event.data.id, *((merge.from_customer_ids or ()) if merge else ())}
    survivor = text(merge.to_customer_id) if merge else None
    for identity in sorted(ended - {survivor}):
        yield records.Customer(
            shop_id=shop_id,
            id=str(identity),
            merged_into=survivor,
            deleted_at=required_instant(event.created_at, "created_at"),
        )


def _came_back(event: wire.Event, alive: Mapping[str, str]) -> bool:
    """Tell whether a profile changed after the event that ended it."""
    return _moment(alive.get(event.data.id)) > _moment(event.created_at)


def _moment(text: str | None) -> datetime:
    """Read a time, for comparing: Square writes fractions of a second or leaves them out."""
    try:
        return parse_instant(text or "")
    except ValueError:
        return _LONG_AGO
