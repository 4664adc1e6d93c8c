"""How the fake's rows look through Shopify's GraphQL: money, connections, guarded fields."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_pos.vendors.money import minor_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_pos.testing.fake import Row
    from tap_pos.testing.fakes.shopify import FakeShopify


class Views:
    """Makes what a query sees of each row.

    Args:
        fake: Whose rows.
    """

    def __init__(self, fake: FakeShopify) -> None:
        self._fake = fake

    def of(self, root: str) -> Callable[[Row], Row]:
        """Give the view of a list's rows."""
        views: dict[str, Callable[[Row], Row]] = {
            "orders": self._order,
            "customers": _plain,
            "products": self._product,
            "productVariants": self._variant,
            "tenderTransactions": self._tender,
            "locations": _plain,
            "staffMembers": _plain,
        }
        return views[root]

    def refund_by_id(self, identity: str) -> Row | None:
        """Find a refund in whichever order has it."""
        for row in self._fake.rows["orders"].values():
            for refund in row["refunds"]:
                if refund["id"] == identity and self._fake.may_see("orders", row):
                    return self._refund(row, refund)
        return None

    def money(self, amount: int | str) -> Row:
        """Write an amount as Shopify does; the customer's own currency is another."""
        currency = self._fake.shop["currencyCode"]
        if isinstance(amount, str):
            text = amount
        else:
            exact = Decimal(amount).scaleb(-minor_digits(currency))
            text = f"{exact:f}" if minor_digits(currency) else f"{exact:f}.0"
        return {
            "shopMoney": {"amount": text, "currencyCode": currency},
            "presentmentMoney": {"amount": "99999.99", "currencyCode": "KWD"},
        }

    def _guarded(self, scope: str, value: Row | None) -> Callable[..., Row | None]:
        def resolve(_info: Any) -> Row | None:
            self._fake.need(scope)
            return value

        return resolve

    def _connection(self, items: Sequence[Row]) -> Callable[..., Row]:
        """Page through a list by position, as no documentation rules out."""

        def resolve(_info: Any, first: int, after: str | None = None, **_: Any) -> Row:
            start = int(after or 0)
            end = start + min(first, self._fake.page_size)
            page_info = {"hasNextPage": end < len(items), "endCursor": str(end)}
            return {"nodes": list(items[start:end]), "pageInfo": page_info}

        return resolve

    def _product(self, row: Row) -> Row:
        number = int(row["id"].rpartition("/")[2])
        variants = [
            variant
            for variant in self._fake.rows["productVariants"].values()
            if variant["product"] == number
        ]
        category = row["category"]
        return row | {
            "category": category and {"id": "gid://shopify/TaxonomyCategory/1",
                                      "fullName": category},
            "variants": self._connection([self._variant(variant) for variant in variants]),
        }  # fmt: skip

    def _variant(self, row: Row) -> Row:
        cost = row["cost"]
        return row | {
            "price": self.money(row["price"])["shopMoney"]["amount"],
            "inventoryItem": {
                "id": "gid://shopify/InventoryItem/1",
                "unitCost": None if cost is None else self.money(cost)["shopMoney"],
            },
            "product": lambda _info: self._product(self._fake.rows["products"][row["product"]]),
        }

    def _tender(self, row: Row) -> Row:
        order = self._fake.rows["orders"].get(row["order"])
        if order is None or not self._fake.may_see("orders", order):
            return row | {"order": None}
        return row | {"order": {"id": order["id"], "updatedAt": order["updatedAt"]}}

    def _order(self, row: Row) -> Row:
        people, places = self._fake.rows["customers"], self._fake.rows["locations"]
        staff = self._fake.rows["staffMembers"].get(row["staff"])
        place = places.get(row["location"])
        in_shop_money = dict(self._sums(row))
        return row | in_shop_money | {
            "currencyCode": self._fake.shop["currencyCode"],
            "statusPageUrl": "https://example.org/secret-status-page",
            "customer": self._guarded("read_customers", people.get(row["customer"])),
            "retailLocation": self._guarded("read_locations", place),
            "staffMember": self._guarded("read_users", staff),
            "lineItems": self._connection([self._line(line) for line in row["lines"]]),
            "refunds": [self._refund(row, refund) for refund in row["refunds"]],
            "transactions": [self._transaction(entry) for entry in row["transactions"]],
        }  # fmt: skip

    def _sums(self, row: Row) -> Iterator[tuple[str, Row]]:
        """Work out an order's totals from what is left of its lines."""
        given = row.get("sums", {})
        left = [(line, line["currentQuantity"]) for line in row["lines"]]
        sound = [(line, units) for line, units in left if not isinstance(line["price"], str)]
        tax = sum(line["tax"] * units for line, units in sound)
        price = sum((line["price"] - line["discount"]) * units for line, units in sound)
        total = price + row["shipping"] + (0 if row["taxesIncluded"] else tax)
        moved = [t for t in row["transactions"] if t["status"] == "SUCCESS"]
        received = sum(t["amount"] for t in moved if t["kind"] in {"SALE", "CAPTURE"})
        sums = {
            "currentTotalPriceSet": total,
            "currentTotalTaxSet": tax,
            "totalTipReceivedSet": row["tip"],
            "totalReceivedSet": received,
        }
        for name, amount in (sums | given).items():
            yield name, self.money(amount)

    def _line(self, line: Row) -> Row:
        variant = self._fake.rows["productVariants"].get(line["variant"])
        units = line["quantity"]
        discounts = [line["discount"] * units] if line["discount"] else []
        return line | {
            "originalUnitPriceSet": self.money(line["price"]),
            "discountAllocations": [
                {"allocatedAmountSet": self.money(amount)} for amount in discounts
            ],
            "taxLines": [{"priceSet": self.money(line["tax"] * units)}] if line["tax"] else [],
            "variant": self._guarded("read_products", variant and self._variant(variant)),
            "product": self._guarded(
                "read_products",
                variant and self._product(self._fake.rows["products"][variant["product"]]),
            ),
        }

    def _refund(self, row: Row, refund: Row) -> Row:
        sold = {line["id"]: line for line in row["lines"]}
        lines = []
        for entry in refund["lines"]:
            line, units = sold[entry["line"]], entry["quantity"]
            price = line["price"] - line["discount"]
            lines.append(entry | {
                "lineItem": {"id": line["id"]},
                "subtotalSet": self.money(entry.get("subtotal", price * units)),
                "totalTaxSet": self.money(line["tax"] * units),
            })  # fmt: skip
        return refund | {
            "order": {"id": row["id"], "updatedAt": row["updatedAt"]},
            "refundLineItems": self._connection(lines),
        }

    def _transaction(self, entry: Row) -> Row:
        parent, details = entry["parent"], entry["details"]
        card = {"number": "•••• secret-digits"}
        return entry | {
            "amountSet": self.money(entry["amount"]),
            "parentTransaction": parent and {"id": f"gid://shopify/OrderTransaction/{parent}"},
            "paymentDetails": details and card | {"__typename": details},
        }


def _plain(row: Row) -> Row:
    """Show a row as it is."""
    return row
