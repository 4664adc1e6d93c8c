"""Every query this vendor sends, and the access scopes they need.

Three rules shape them:

* A list at the root is never read with Shopify's cursors. It is sorted by id, and each page
  asks for ids above the last one, so rows that change, vanish or arrive while it is read can't
  push others out of sight, nothing expires, and no limit on paging depth applies.
* A connection inside a record says whether it has more, and is then read to its end.
  `refunds`, `transactions`, `taxLines` and `discountAllocations` are plain lists, whose only
  argument cuts them short; it is never given.
* Only money in the shop's own currency is asked for. What nobody may hold is not selected:
  `multipassIdentifier`, `statusPageUrl`, unsubscribe addresses, card numbers, staff contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

SCOPES = (
    "read_customers",
    "read_orders",
    "read_all_orders",
    "read_products",
    "read_locations",
    "read_users",
)
"""Scopes to grant; `read_users` only where Shopify offers it (Plus and Advanced stores)."""


@dataclass(frozen=True)
class Query:
    """One GraphQL document.

    Attributes:
        text: The document; its operation has the name of its root field.
        root: The root field whose value is wanted.
        scope: The scope without which the root field is refused.
    """

    text: str
    root: str
    scope: str


_NESTED = 10
_NESTED_ALONE = 50
_PAGE_INFO = "pageInfo { hasNextPage endCursor }"


def _list(root: str, fields: str, scope: str, more: str = "") -> Query:
    """Write the query of a list at the root, sorted by id."""
    return Query(
        f"query {root}($first: Int!, $query: String) {{ {root}(first: $first, query: $query, "
        f"sortKey: ID{more}) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage }} }} }}",
        root,
        scope,
    )


def _by_ids(fields: str, scope: str) -> Query:
    """Write the query of records by id; Shopify answers null for an id it does not have."""
    return Query(f"query nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ {fields} }} }}", "nodes", scope)


SHOP = Query(
    "query shop { shop { createdAt currencyCode ianaTimezone } "
    "currentAppInstallation { accessScopes { handle } } }",
    "",
    "",
)

LOCATIONS = _list(
    "locations",
    "id name isActive isFulfillmentService updatedAt "
    "address { address1 address2 city provinceCode zip countryCode }",
    "read_locations",
    ", includeInactive: true, includeLegacy: true",
)

STAFF_MEMBERS = _list("staffMembers", "id name active exists", "read_users")

_CONSENT = "{ state updatedAt }"
CUSTOMERS = _list(
    "customers",
    "id firstName lastName tags createdAt updatedAt dataSaleOptOut "
    "defaultEmailAddress { emailAddress marketingState marketingUpdatedAt } "
    f"defaultPhoneNumber {{ phoneNumber smsMarketingConsent {_CONSENT} "
    f"whatsAppMarketingConsent {_CONSENT} }} "
    "defaultAddress { address1 address2 city provinceCode zip countryCodeV2 }",
    "read_customers",
)
CUSTOMER_IDS = _list("customers", "id", "read_customers")
CUSTOMERS_BY_ID = _by_ids("... on Customer { id }", "read_customers")

_VARIANT = "id title sku barcode price updatedAt inventoryItem { unitCost { amount currencyCode } }"
_PRODUCT = "id title vendor productType updatedAt category { fullName }"
_VARIANTS = f"{{ nodes {{ {_VARIANT} }} {_PAGE_INFO} }}"
PRODUCTS = _list("products", f"{_PRODUCT} variants(first: {_NESTED}) {_VARIANTS}", "read_products")
PRODUCT_VARIANTS = Query(
    f"query product($id: ID!, $after: String) {{ product(id: $id) {{ updatedAt "
    f"variants(first: {_NESTED_ALONE}, after: $after) {_VARIANTS} }} }}",
    "product",
    "read_products",
)
VARIANTS = _list("productVariants", f"{_VARIANT} product {{ {_PRODUCT} }}", "read_products")
VARIANT_IDS = _list("productVariants", "id", "read_products")
VARIANTS_BY_ID = _by_ids("... on ProductVariant { id }", "read_products")

_MONEY = "{ shopMoney { amount } }"
_LINE = (
    "id title variantTitle quantity currentQuantity taxable product { id } variant { id } "
    f"originalUnitPriceSet {_MONEY} discountAllocations {{ allocatedAmountSet {_MONEY} }} "
    f"taxLines {{ priceSet {_MONEY} }}"
)
_REFUND_LINE = f"id quantity subtotalSet {_MONEY} totalTaxSet {_MONEY} lineItem {{ id }}"
_LINES = f"{{ nodes {{ {_LINE} }} {_PAGE_INFO} }}"
_REFUND_LINES = f"{{ nodes {{ {_REFUND_LINE} }} {_PAGE_INFO} }}"
_ORDER = (
    "id name test createdAt updatedAt processedAt closedAt cancelledAt currencyCode "
    "taxesIncluded sourceName sourceIdentifier displayFinancialStatus "
    "customer { id } retailLocation { id } "
    f"currentTotalPriceSet {_MONEY} currentTotalTaxSet {_MONEY} totalTipReceivedSet {_MONEY} "
    f"totalReceivedSet {_MONEY} lineItems(first: {_NESTED}) {_LINES} "
    f"refunds {{ id refundLineItems(first: {_NESTED}) {_REFUND_LINES} }} "
    "transactions { id kind status gateway createdAt processedAt "
    f"amountSet {_MONEY} parentTransaction {{ id }} paymentDetails {{ __typename }} }}"
)
_ORDER_WITH_STAFF = f"{_ORDER} staffMember {{ id }}"
ORDERS = _list("orders", _ORDER, "read_orders")
ORDERS_WITH_STAFF = _list("orders", _ORDER_WITH_STAFF, "read_orders")
ORDERS_BY_ID = _by_ids(f"... on Order {{ {_ORDER} }}", "read_orders")
ORDERS_BY_ID_WITH_STAFF = _by_ids(f"... on Order {{ {_ORDER_WITH_STAFF} }}", "read_orders")
ORDER_LINES = Query(
    "query order($id: ID!, $after: String) { order(id: $id) { updatedAt "
    f"lineItems(first: {_NESTED_ALONE}, after: $after) {_LINES} }} }}",
    "order",
    "read_orders",
)
REFUND_LINES = Query(
    "query refund($id: ID!, $after: String) { refund(id: $id) { order { id updatedAt } "
    f"refundLineItems(first: {_NESTED_ALONE}, after: $after) {_REFUND_LINES} }} }}",
    "refund",
    "read_orders",
)
TENDERS = Query(
    "query tenderTransactions($first: Int!, $query: String, $after: String) { "
    "tenderTransactions(first: $first, query: $query, after: $after) { "
    f"nodes {{ id order {{ id updatedAt }} }} {_PAGE_INFO} }} }}",
    "tenderTransactions",
    "read_orders",
)
