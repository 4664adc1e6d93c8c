"""A Lightspeed X-Series account in which everything happens that its API can show."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fakes.lightspeed_x_till import TAX, LightspeedTill
from tap_pos.testing.openapi import OpenApi
from tap_pos.testing.specifications import specification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_pos.testing.fake import Answer, Request, Row

_FOLDER = "lightspeed-x/"
_SPECIFICATIONS = ("x-series-api-2.0-v1.0.json", "x-series-2026-07.customer-sale.transcribed.yaml")
_NAMES = ("Quirina", "Øyvind", "نور", "Zoë 🫖", "O'Brien", "李")


class LightspeedLife(LightspeedTill, ConformingFake):
    """The account, its people and its range; `LightspeedTill` has what happens at the till."""

    vendor = "lightspeed_x"
    lookback = timedelta(seconds=60)
    lag = timedelta(0)
    page_size = 3

    def __init__(self) -> None:
        super().__init__()
        self._open: OpenApi | None = None
        self._violations: list[str] = []
        for name, closed in (("Main", False), ("Harbour", False), ("Old", True), ("Sydney", False)):
            self._open_outlet(name, closed=closed)
        for group in ("All Customers", "Newsletter"):
            self.write("customer_groups", {"id": f"group {group}", "name": group})
        for brand in ("Ceylon & Co", "Løv"):
            self.write("brands", {"id": f"brand {brand}", "name": brand})
        for number in range(1, 5):
            self._name_category(number, f"Kind {number}")

    def settings(self) -> dict[str, Any]:
        """Give the settings of this shop, which keeps opt-ins in two places."""
        marketing: Row = {"purpose": "marketing"}
        return {
            "vendor": "lightspeed_x",
            "shop_id": "tea",
            "access_token": "token",
            "base_url": self.url,
            "requests_per_minute": 1_000_000,
            "consent_sources": [
                {"group": "Newsletter", "channels": ["email"], **marketing},
                {"custom_attribute": "custom_field_2", "channels": ["post"], "given": ["yes"],
                 **marketing},
            ],
        }  # fmt: skip

    def truth(self) -> Facts:
        """Say what a target must hold."""
        return self.facts

    def expire_cursors(self) -> None:
        """Do nothing: a version is never forgotten."""

    # --- people ------------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Take down a new customer."""
        identity = self.fresh()
        self._write_customer(identity, {"created_at": self.stamp()}, chance)

    def change_customer(self, chance: Random) -> None:
        """Change a customer, or rename the group that means an opt-in."""
        if chance.random() < 0.2:  # noqa: PLR2004 - groups hardly ever change
            group = self.current("customer_groups")["group Newsletter"]
            name = chance.choice(("Newsletter", "Old newsletter"))
            self.write("customer_groups", {**group, "name": name})
        elif (person := self.pick(chance, "customers")) is not None:
            self._write_customer(person["id"], person, chance)

    def delete_customer(self, chance: Random) -> None:
        """Delete a customer."""
        if (person := self.pick(chance, "customers")) is not None:
            now = self.stamp()
            self.write("customers", {**person, "deleted_at": now, "updated_at": now})
            self.facts["customers"][person["id"]] = {"deleted_at": "*"}
            self.facts["loyalty_accounts"].pop(person["id"], None)

    def hire(self, chance: Random) -> None:
        """Take on somebody, or let somebody go."""
        staff = self.pick(chance, "users")
        name = chance.choice(_NAMES)
        row: Row = staff if staff and chance.random() < 0.4 else {  # noqa: PLR2004 - more come than go
            "id": self.fresh(), "account_type": "cashier", "created_at": self.stamp(),
            "is_primary_user": False, "username": "till", "display_name": f"{name} Till",
            "restricted_outlet_ids": [],
        }  # fmt: skip
        self.write("users", {**row, "enabled": row is not staff, "updated_at": self.stamp()})
        self.facts["employees"][row["id"]] = {
            "active": row is not staff,
            "display_name": row["display_name"],
        }

    def _write_customer(self, identity: str, row: Row, chance: Random) -> None:
        name, email = chance.choice(_NAMES), f"{identity[:8]}@example.org"
        row = {
            **row, "id": identity, "first_name": name, "last_name": "Tea", "email": email,
            "customer_code": f"C-{identity[:8]}", "updated_at": self.stamp(),
            "customer_group_id": f"group {chance.choice(('All Customers', 'Newsletter'))}",
            "do_not_email": chance.random() < 0.3,  # noqa: PLR2004
            "enable_promotional_sms": chance.random() < 0.5,  # noqa: PLR2004
            "custom_field_2": chance.choice((None, "yes", "no")),
            "enable_loyalty": True, "loyalty_balance": chance.choice((0, 1.38, 12.5)),
        }  # fmt: skip
        self.write("customers", row)
        self.facts["customers"][identity] = {"given_name": name, "email": email}
        self.facts["loyalty_accounts"][identity] = {
            "customer_id": identity,
            "balance": round(row["loyalty_balance"] * 100),
        }

    # --- the range and the places --------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take in a product; at times as a variant of another."""
        family = self.pick(chance, "products")
        identity = self.fresh()
        row: Row = {"id": identity, "handle": "tea", "sku": identity[:8], "name": f"Tea {identity}"}
        if family and chance.random() < 0.3:  # noqa: PLR2004 - most stand alone
            row |= {"variant_parent_id": family["id"], "variant_name": f"Tea {identity} / Large"}
        brand = chance.choice(("Ceylon & Co", "Løv"))
        row |= {"brand_id": f"brand {brand}", "product_type_id": f"kind {chance.randint(1, 4)}"}
        self._write_product(row, chance)

    def change_product(self, chance: Random) -> None:
        """Change a product, or rename a brand or a category, which leaves products alone."""
        what = chance.randrange(3)
        if what == 0:
            brand = self.current("brands")["brand Løv"]
            self.write("brands", {**brand, "name": f"Løv {chance.randrange(100)}"})
        elif what == 1:
            self._name_category(chance.randint(1, 4), f"Kind {chance.randrange(100)}")
        elif (product := self.pick(chance, "products")) is not None:
            named = f"Tea {product['id']} no. {chance.randrange(100)}"
            self._write_product({**product, "name": named, "variant_name": named}, chance)
        names = {brand["id"]: brand["name"] for brand in self.current("brands").values()}
        for row in self.current("products").values():
            if not row.get("deleted_at"):
                self.facts["products"][row["id"]]["brand"] = names[row["brand_id"]]

    def delete_product(self, chance: Random) -> None:
        """Delete a product."""
        if (product := self.pick(chance, "products")) is not None:
            now = self.stamp()
            self.write("products", {**product, "deleted_at": now, "updated_at": now})
            self.facts["products"][product["id"]] = {"deleted_at": "*"}

    def _write_product(self, row: Row, chance: Random) -> None:
        label = chance.choice((0, 450, 1250))
        exclusive = float((Decimal(label) / 100 / TAX).quantize(Decimal("1E-5")))
        self.write("products", {
            **row, "price_including_tax": label / 100, "price_excluding_tax": exclusive,
            "supply_price": 1.2, "updated_at": self.stamp(),
        })  # fmt: skip
        brand = self.current("brands")[row["brand_id"]]["name"]
        self.facts["products"][row["id"]] = {
            "name": row.get("variant_name", row["name"]), "price": label, "brand": brand,
            "unit_cost": 120,
        }  # fmt: skip

    def _name_category(self, number: int, name: str) -> None:
        path = [{"id": "kind 0", "name": "All"}, {"id": f"kind {number}", "name": name}]
        row = {"id": f"kind {number}", "name": name, "leaf_category": True, "category_path": path}
        self.write("product_categories", row, versioned=False)

    def _open_outlet(self, name: str, *, closed: bool) -> None:
        row: Row = {"id": self.fresh(), "name": name, "currency": "NZD",
                    "time_zone": "Pacific/Auckland", "display_prices": "inclusive",
                    "deleted_at": self.stamp() if closed else None}  # fmt: skip
        self.write("outlets", row)
        self.facts["locations"][row["id"]] = {"name": name, "active": not closed}

    # --- the vendor's own description -----------------------------------------------------------

    @contextmanager
    def specification(self) -> Iterator[None]:
        """Hold requests and answers to what Lightspeed publishes about its API.

        The whole description at hand is of API 2.0; what is known of 2026-07 replaces its parts.
        """
        files = [specification(_FOLDER + name) for name in _SPECIFICATIONS]
        if files[0] is None or files[1] is None:
            raise SpecificationMissing(f"{' or '.join(_SPECIFICATIONS)} is not on this machine")
        document = json.loads(files[0].read_text("utf-8"))
        newer = yaml.safe_load(files[1].read_text("utf-8"))
        schemas = document["components"]["schemas"]
        schemas.update(newer["components"]["schemas"])
        # The vendor's own pages show a brand's version; its description of 2.0 forgot it.
        schemas["Brand"]["properties"]["version"] = {"type": "integer"}
        with tempfile.TemporaryDirectory() as folder:
            merged = Path(folder) / "merged.json"
            merged.write_text(json.dumps(document), "utf-8")
            self._open = OpenApi(merged, "/api/2026-07")
        try:
            yield
        finally:
            self._open = None

    @property
    def violations(self) -> list[str]:
        """What broke the description."""
        return self._violations

    def answer(self, request: Request) -> Answer:
        """Answer one request, and hold both to the description if that is wanted."""
        answer = super().answer(request)
        if self._open is not None:
            where = request.method, request.path
            self._violations += self._open.check_request(*where, request.query)
            self._violations += self._open.check_answer(*where, answer.status, answer.body)
        return answer
