"""Square's short lists: locations, team members, loyalty accounts. Read whole in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import PageDecoder
from tap_pos.vendors.square import wire
from tap_pos.vendors.texts import instant, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.square.api import SquareApi

LOCATIONS = PageDecoder("locations", wire.Location)
_TEAM_MEMBERS = PageDecoder("team_members", wire.TeamMember)
_LOYALTY_ACCOUNTS = PageDecoder("loyalty_accounts", wire.LoyaltyAccount)
_LARGEST_PAGE = 200


def address(source: wire.Address | None) -> records.Address | None:
    """Map a postal address; one without content is none."""
    if source is None:
        return None
    mapped = records.Address(
        line1=text(source.address_line_1),
        line2=text(source.address_line_2),
        city=text(source.locality),
        region=text(source.administrative_district_level_1),
        postal_code=text(source.postal_code),
        country=text(source.country),
    )
    return None if mapped == records.Address() else mapped


def location(shop_id: str, source: wire.Location) -> records.Location:
    """Map a location. Square's online shop sells through an ordinary location too."""
    return records.Location(
        shop_id=shop_id,
        id=source.id,
        name=text(source.name),
        timezone=text(source.timezone),
        currency=text(source.currency),
        address=address(source.address),
        active=source.status == "ACTIVE",
    )


def employee(
    shop_id: str, source: wire.TeamMember, all_location_ids: Sequence[str]
) -> records.Employee:
    """Map a team member."""
    assigned = source.assigned_locations or wire.AssignedLocations()
    everywhere = assigned.assignment_type == "ALL_CURRENT_AND_FUTURE_LOCATIONS"
    names = (text(source.given_name), text(source.family_name))
    return records.Employee(
        shop_id=shop_id,
        id=source.id,
        display_name=" ".join(name for name in names if name) or None,
        active=source.status == "ACTIVE",
        location_ids=sorted(all_location_ids if everywhere else assigned.location_ids or []),
        updated_at=instant(source.updated_at),
    )


def loyalty_account(shop_id: str, source: wire.LoyaltyAccount) -> records.LoyaltyAccount:
    """Map a loyalty account."""
    return records.LoyaltyAccount(
        shop_id=shop_id,
        id=source.id,
        customer_id=text(source.customer_id),
        program_id=text(source.program_id),
        balance=source.balance or 0,
        enrolled_at=instant(source.enrolled_at) or instant(source.created_at),
        updated_at=instant(source.updated_at),
    )


def read_employees(
    api: SquareApi, shop_id: str, all_location_ids: Sequence[str]
) -> Iterator[Batch]:
    """Read all team members, active or not. They come in no order that could be relied on."""
    for page in api.pages(
        "POST", "/v2/team-members/search", _TEAM_MEMBERS, {"limit": _LARGEST_PAGE}
    ):
        yield map_all(page, lambda source: employee(shop_id, source, all_location_ids))


def read_loyalty_accounts(api: SquareApi, shop_id: str) -> Iterator[Batch]:
    """Read all loyalty accounts; Square has no filter by change."""
    for page in api.pages(
        "POST", "/v2/loyalty/accounts/search", _LOYALTY_ACCOUNTS, {"limit": _LARGEST_PAGE}
    ):
        yield map_all(page, lambda source: loyalty_account(shop_id, source))
