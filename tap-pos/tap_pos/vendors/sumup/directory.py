"""SumUp's merchant, who is the one location, and its members. Read whole in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_pos import records
from tap_pos.errors import UnexpectedAnswerError
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page
from tap_pos.vendors.sumup import wire
from tap_pos.vendors.texts import instant, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.sumup.api import SumUpApi

_MEMBERS = msgspec.json.Decoder(wire.Members)
_LARGEST_PAGE = 25
_MOST_READINGS = 5
_PEOPLE = {"user", "managed_user", None}


def location(shop_id: str, merchant: wire.Merchant, timezone: str | None) -> records.Location:
    """Map the merchant; SumUp knows no branches."""
    faces = [merchant.business_profile or wire.Business(), merchant.company or wire.Business()]
    names = [*(face.name for face in faces), merchant.alias]
    addresses = [found for face in faces if (found := _address(face.address))]
    return records.Location(
        shop_id=shop_id,
        id=merchant.merchant_code,
        name=next((name for each in names if (name := text(each))), None),
        timezone=timezone,
        currency=merchant.default_currency,
        address=next(iter(addresses), records.Address(country=text(merchant.country))),
        updated_at=instant(merchant.updated_at),
    )


def read_employees(api: SumUpApi, shop_id: str) -> Iterator[Batch]:
    """Read all members that are people.

    Pages are numbered by offset, so somebody who leaves meanwhile could hide somebody else:
    the list is read until as many were seen as SumUp counts.
    """
    seen: dict[str, wire.Member] = {}
    for _ in range(_MOST_READINGS):
        seen, total = {}, 0
        while True:
            query = {"limit": str(_LARGEST_PAGE), "offset": str(len(seen))}
            page = api.ask("/v0.1/merchants/{}/members", _MEMBERS.decode, query).content
            before = len(seen)
            seen.update((member.id, member) for member in (page.items if page else ()))
            total = (page.total_count if page else None) or 0
            if len(seen) == before or len(seen) == total:
                break
        if len(seen) >= total:
            break
    else:
        raise UnexpectedAnswerError(
            f"Shop '{shop_id}': the list of members does not hold still: run again later."
        )
    people = [
        member for member in seen.values() if member.user is None or member.user.type in _PEOPLE
    ]
    yield map_all(Page(people), lambda member: employee(shop_id, member))


def employee(shop_id: str, member: wire.Member) -> records.Employee:
    """Map a member; all it has of a name is a nickname."""
    return records.Employee(
        shop_id=shop_id,
        id=member.id,
        display_name=text(member.user.nickname) if member.user else None,
        active=member.status == "accepted",
        updated_at=instant(member.updated_at),
    )


def _address(source: wire.Address | None) -> records.Address | None:
    """Map an address; one without content is none."""
    if source is None:
        return None
    lines = [text(line) for line in source.street_address or ()]
    mapped = records.Address(
        line1=lines[0] if lines else None,
        line2=lines[1] if len(lines) > 1 else None,
        city=text(source.city) or text(source.post_town),
        region=text(source.state) or text(source.province) or text(source.region),
        postal_code=text(source.post_code) or text(source.zip_code) or text(source.eircode),
        country=text(source.country),
    )
    return None if mapped == records.Address() else mapped
