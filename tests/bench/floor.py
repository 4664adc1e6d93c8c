"""The floor for the tap: the same pages, read with requests and msgspec, written as lines.

No mapping, no joining of payments to orders, no bookmarks: what remains is what any tap
must at least do. Usage: floor.py BASE_URL TOKEN [orders]; lines go to standard output,
those of orders, payments and refunds only if it is asked for `orders`.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

FAR_PAST = "2000-01-01T00:00:00Z"
TEN_LOCATIONS = 10


def pages(
    session: requests.Session, method: str, url: str, question: dict[str, Any], limit: int
) -> Iterator[dict[str, Any]]:
    """Every page of one question, by cursor."""
    question = {**question, "limit": limit}
    while True:
        asked = {"json": question} if method == "POST" else {"params": question}
        response = session.request(method, url, timeout=60, **asked)  # type: ignore[arg-type]
        response.raise_for_status()
        page: dict[str, Any] = msgspec.json.decode(response.content)
        yield page
        if not page.get("cursor"):
            return
        question = {**question, "cursor": page["cursor"]}


class Floor:
    """A session at the register and the lines that go out."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.encoder = msgspec.json.Encoder()

    def get(self, path: str) -> dict[str, Any]:
        """One answer without pages."""
        answer = self.session.get(self.base_url + path, timeout=60)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content)  # type: ignore[no-any-return]

    def write(self, kind: str, page: dict[str, Any]) -> None:
        """Write every object of one kind on a page as a line."""
        objects = page.get(kind)
        if objects:
            lines = b"\n".join(map(self.encoder.encode, objects))
            sys.stdout.buffer.write(lines + b"\n")

    def drain(
        self, method: str, path: str, question: dict[str, Any], limit: int, kind: str
    ) -> Iterator[dict[str, Any]]:
        """Write and yield every page of one question."""
        for page in pages(self.session, method, self.base_url + path, question, limit):
            self.write(kind, page)
            yield page


def read_orders(floor: Floor, locations: list[str]) -> None:
    """Orders, payments and refunds of every location, oldest change first."""
    for start in range(0, len(locations), TEN_LOCATIONS):
        question: dict[str, Any] = {
            "location_ids": locations[start : start + TEN_LOCATIONS],
            "query": {
                "filter": {"date_time_filter": {"updated_at": {"start_at": FAR_PAST}}},
                "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
            },
        }
        exhaust(floor.drain("POST", "/v2/orders/search", question, 1000, "orders"))
    since = {"begin_time": FAR_PAST, "updated_at_begin_time": FAR_PAST, "sort_field": "UPDATED_AT"}
    for location in locations:
        question = {**since, "location_id": location, "sort_order": "ASC"}
        exhaust(floor.drain("GET", "/v2/payments", question, 100, "payments"))
    exhaust(floor.drain("GET", "/v2/refunds", since, 100, "refunds"))


def read_people_and_products(floor: Floor) -> None:
    """Customers with their custom attributes, the catalog and the loyalty accounts."""
    by_age = {"query": {"sort": {"field": "CREATED_AT", "order": "ASC"}}}
    for page in floor.drain("POST", "/v2/customers/search", by_age, 100, "customers"):
        for customer in page.get("customers") or []:
            attributes = floor.get(f"/v2/customers/{customer['id']}/custom-attributes")
            floor.write("custom_attributes", attributes)
    catalog = {"object_types": ["ITEM", "ITEM_VARIATION", "CATEGORY"]}
    exhaust(floor.drain("POST", "/v2/catalog/search", catalog, 1000, "objects"))
    exhaust(floor.drain("POST", "/v2/loyalty/accounts/search", {}, 200, "loyalty_accounts"))


def exhaust(drained: Iterator[dict[str, Any]]) -> None:
    """Read to the end; every page was written on the way."""
    deque(drained, maxlen=0)


def main(base_url: str, token: str, only: str = "") -> None:
    """Read what a first full sync reads and write every object as a line."""
    floor = Floor(base_url, token)
    answer = floor.get("/v2/locations")
    floor.write("locations", answer)
    read_orders(floor, [location["id"] for location in answer["locations"]])
    if only != "orders":
        read_people_and_products(floor)


if __name__ == "__main__":
    main(*sys.argv[1:])
