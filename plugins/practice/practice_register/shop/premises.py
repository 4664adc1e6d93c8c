"""What never changes at the shop: its locations, team, customer groups and loyalty program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from practice_register.timeline import DAY, Timeline, rfc3339, rfc3339_seconds

if TYPE_CHECKING:
    from practice_register.identifiers import Identifiers

NEWSLETTER = "Newsletter"
FRIENDS = "Friends of the shop"
SMS_MARKETING = "sms-marketing"
CLUB_TERMS = "club-terms"

_STREETS = ["Mulberry Street", "Harbor Road", "Linden Avenue", "Orchard Lane", "Mill Street"]
_TOWNS = [("Brooklyn", "11215"), ("Beacon", "12508"), ("Kingston", "12401"), ("Hudson", "12534")]
_TEAM = [
    ("Rosalind", "Okafor"),
    ("Mateo", "Lindqvist"),
    ("Hannah", "Brüning"),
    ("Wei", "Castellano"),
    ("Aoife", "Marchetti"),
    ("Darnell", "Kowalczyk"),
    ("Priya", "Haugen"),
    ("Tomás", "Whitfield"),
]


@dataclass(frozen=True)
class Premises:
    """The shop without its goods and people.

    Attributes:
        merchant: the merchant's id.
        locations: ids in the order in which the locations were opened; the first is the main one.
        team: for each location the ids of the team members who work there.
        newsletter: id of the customer group that records e-mail opt-ins.
        friends: id of another customer group, which means nothing for consent.
        program: id of the loyalty program.
        documents: their JSON, by kind.
    """

    merchant: str
    locations: list[str]
    team: dict[str, list[str]]
    newsletter: str
    friends: str
    program: str
    documents: dict[str, list[dict[str, object]]]


def open_premises(ids: Identifiers, calendar: Timeline, locations: int) -> Premises:
    """Open a shop with `locations` locations (1 to 25)."""
    merchant = "ML" + ids.make("merchant", 0, 11)
    location_ids = ["L" + ids.make("location", number, 12) for number in range(locations)]
    newsletter, friends = ids.make("group", NEWSLETTER, 26), ids.make("group", FRIENDS, 26)
    program = ids.make("program", 0, 26).lower()
    team, team_documents = _hire(ids, calendar, location_ids)
    documents: dict[str, list[dict[str, object]]] = {
        "locations": [
            _location(number, location_id, merchant, calendar, locations)
            for number, location_id in enumerate(location_ids)
        ],
        "team_members": team_documents,
        "groups": [
            _group(group, name, calendar)
            for group, name in ((newsletter, NEWSLETTER), (friends, FRIENDS))
        ],
        "programs": [_program(program, location_ids, ids, calendar)],
        "definitions": _definitions(calendar),
    }
    return Premises(merchant, location_ids, team, newsletter, friends, program, documents)


def _location(
    number: int, location_id: str, merchant: str, calendar: Timeline, locations: int
) -> dict[str, object]:
    street = _STREETS[number % len(_STREETS)]
    town, postal_code = _TOWNS[number % len(_TOWNS)]
    # With many locations the last one is closed: Square lists it all the same, and its orders too.
    closed = locations >= 4 and number == locations - 1  # noqa: PLR2004 - two or three stay open
    return {
        "id": location_id,
        # Square lists locations by name, which is not the order in which they were opened.
        "name": f"Corner Market {chr(ord('Z') - number)}, {street}",
        "address": {
            "address_line_1": f"{12 + 7 * number} {street}",
            "locality": town,
            "administrative_district_level_1": "NY",
            "postal_code": postal_code,
            "country": "US",
        },
        "timezone": "America/New_York",
        "capabilities": ["CREDIT_CARD_PROCESSING", "AUTOMATIC_TRANSFERS"],
        "status": "INACTIVE" if closed else "ACTIVE",
        "created_at": rfc3339_seconds(calendar.begins + number * DAY),
        "merchant_id": merchant,
        "country": "US",
        "language_code": "en-US",
        "currency": "USD",
        "business_name": "Corner Market",
        "type": "PHYSICAL",
        "mcc": "5411",
    }


def _hire(
    ids: Identifiers, calendar: Timeline, locations: list[str]
) -> tuple[dict[str, list[str]], list[dict[str, object]]]:
    team: dict[str, list[str]] = {location: [] for location in locations}
    documents: list[dict[str, object]] = []
    for number, (given_name, family_name) in enumerate(_TEAM):
        member = "TM" + ids.make("team member", number, 14)
        owner, left = number == 0, number == len(_TEAM) - 1
        places = locations if number < 2 else locations[number % len(locations) :: len(_TEAM)]  # noqa: PLR2004 - owner and manager work everywhere
        assigned: dict[str, object] = {"assignment_type": "ALL_CURRENT_AND_FUTURE_LOCATIONS"}
        if places is not locations:
            assigned = {"assignment_type": "EXPLICIT_LOCATIONS", "location_ids": places}
        for place in places:
            team[place].append(member)
        hired = calendar.begins + number * 9 * DAY
        documents.append(
            {
                "id": member,
                "is_owner": owner,
                "status": "INACTIVE" if left else "ACTIVE",
                "given_name": given_name,
                "family_name": family_name,
                "created_at": rfc3339(hired),
                "updated_at": rfc3339(hired + (97 * number % 300) * DAY),
                "assigned_locations": assigned,
            }
        )
    # Square promises no order for team members; sorting by id mixes their times.
    documents.sort(key=lambda document: str(document["id"]))
    return team, documents


def _group(group: str, name: str, calendar: Timeline) -> dict[str, object]:
    at = rfc3339(calendar.begins)
    return {"id": group, "name": name, "created_at": at, "updated_at": at}


def _program(
    program: str, locations: list[str], ids: Identifiers, calendar: Timeline
) -> dict[str, object]:
    at = rfc3339_seconds(calendar.begins)
    return {
        "id": program,
        "status": "ACTIVE",
        "reward_tiers": [
            {
                "id": ids.make("reward tier", 0, 26).lower(),
                "points": 500,
                "name": "$5 off the entire sale",
                "created_at": at,
                "pricing_rule_reference": {
                    "object_id": ids.make("pricing rule", 0, 24),
                    "catalog_version": calendar.begins,
                },
            }
        ],
        "terminology": {"one": "Point", "other": "Points"},
        "location_ids": locations,
        "created_at": at,
        "updated_at": at,
        "accrual_rules": [
            {
                "accrual_type": "SPEND",
                "points": 1,
                "spend_data": {
                    "amount_money": {"amount": 100, "currency": "USD"},
                    "tax_mode": "BEFORE_TAX",
                },
            }
        ],
    }


def _definitions(calendar: Timeline) -> list[dict[str, object]]:
    at = rfc3339(calendar.begins)
    base = "https://developer-production-s.squarecdn.com/schemas/v1/common.json#squareup.common."
    shapes: list[tuple[str, str, str, Any]] = [
        (SMS_MARKETING, "Text messages", "May we send offers by text message?", "String"),
        (CLUB_TERMS, "Club terms", "Accepted the club's terms, profiling included.", "Boolean"),
    ]
    return [
        {
            "key": key,
            "name": name,
            "description": description,
            "visibility": "VISIBILITY_READ_WRITE_VALUES",
            "schema": {"$ref": base + kind},
            "version": 1,
            "created_at": at,
            "updated_at": at,
        }
        for key, name, description, kind in shapes
    ]
