"""Shopify's schema: the true one where its file is at hand, else the part of it the tap uses."""

from __future__ import annotations

import gzip
from functools import cache
from typing import Any, cast

import msgspec
from graphql import GraphQLSchema, build_client_schema, build_schema, parse, validate
from graphql.language import (
    DocumentNode,
    FieldNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from tap_pos.testing.specifications import specification

SPECIFICATION = "shopify/admin_2026-10.json.gz"

SUBSET = """
scalar DateTime
scalar Decimal
scalar Money
enum CountryCode { AT DE FR JP KW US }
enum CurrencyCode { EUR JPY KWD USD }
enum OrderSortKeys { ID PROCESSED_AT UPDATED_AT }
enum CustomerSortKeys { ID UPDATED_AT }
enum ProductSortKeys { ID UPDATED_AT }
enum ProductVariantSortKeys { ID POSITION }
enum LocationSortKeys { ID NAME }
enum StaffMembersSortKeys { ID }
enum CustomerEmailAddressMarketingState { INVALID NOT_SUBSCRIBED PENDING SUBSCRIBED UNSUBSCRIBED }
enum CustomerMarketingConsentState { NEVER_SUBSCRIBED PENDING REDACTED SUBSCRIBED UNSUBSCRIBED }
enum OrderDisplayFinancialStatus {
  AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED
}
enum OrderTransactionKind {
  AUTHORIZATION CAPTURE CHANGE EMV_AUTHORIZATION REFUND SALE SUGGESTED_REFUND VOID
}
enum OrderTransactionStatus { AWAITING_RESPONSE ERROR FAILURE PENDING SUCCESS UNKNOWN }
interface Node { id: ID! }
type PageInfo { endCursor: String hasNextPage: Boolean! }
type MoneyV2 { amount: Decimal! currencyCode: CurrencyCode! }
type MoneyBag { presentmentMoney: MoneyV2! shopMoney: MoneyV2! }
type Shop implements Node {
  id: ID! createdAt: DateTime! currencyCode: CurrencyCode! ianaTimezone: String!
}
type AccessScope { handle: String! }
type AppInstallation implements Node { id: ID! accessScopes: [AccessScope!]! }
type LocationAddress {
  address1: String address2: String city: String provinceCode: String zip: String
  countryCode: String
}
type Location implements Node {
  id: ID! name: String! isActive: Boolean! isFulfillmentService: Boolean! updatedAt: DateTime!
  address: LocationAddress!
}
type LocationConnection { nodes: [Location!]! pageInfo: PageInfo! }
type StaffMember implements Node { id: ID! name: String! active: Boolean! exists: Boolean! }
type StaffMemberConnection { nodes: [StaffMember!]! pageInfo: PageInfo! }
type MailingAddress implements Node {
  id: ID! address1: String address2: String city: String provinceCode: String zip: String
  countryCodeV2: CountryCode
}
type CustomerEmailAddress {
  emailAddress: String! marketingState: CustomerEmailAddressMarketingState!
  marketingUpdatedAt: DateTime
}
type CustomerSmsMarketingConsent {
  state: CustomerMarketingConsentState! updatedAt: DateTime
}
type CustomerWhatsAppMarketingConsent {
  state: CustomerMarketingConsentState! updatedAt: DateTime
}
type CustomerPhoneNumber {
  phoneNumber: String! smsMarketingConsent: CustomerSmsMarketingConsent!
  whatsAppMarketingConsent: CustomerWhatsAppMarketingConsent!
}
type Customer implements Node {
  id: ID! firstName: String lastName: String tags: [String!]! createdAt: DateTime!
  updatedAt: DateTime! dataSaleOptOut: Boolean! defaultEmailAddress: CustomerEmailAddress
  defaultPhoneNumber: CustomerPhoneNumber defaultAddress: MailingAddress
}
type CustomerConnection { nodes: [Customer!]! pageInfo: PageInfo! }
type TaxonomyCategory implements Node { id: ID! fullName: String! }
type InventoryItem implements Node { id: ID! unitCost: MoneyV2 }
type ProductVariant implements Node {
  id: ID! title: String! sku: String barcode: String price: Money! updatedAt: DateTime!
  inventoryItem: InventoryItem! product: Product!
}
type ProductVariantConnection { nodes: [ProductVariant!]! pageInfo: PageInfo! }
type Product implements Node {
  id: ID! title: String! vendor: String! productType: String! updatedAt: DateTime!
  category: TaxonomyCategory
  variants(after: String, first: Int, sortKey: ProductVariantSortKeys = POSITION):
    ProductVariantConnection!
}
type ProductConnection { nodes: [Product!]! pageInfo: PageInfo! }
type DiscountAllocation { allocatedAmountSet: MoneyBag! }
type TaxLine { priceSet: MoneyBag! }
type LineItem implements Node {
  id: ID! title: String! variantTitle: String quantity: Int! currentQuantity: Int!
  taxable: Boolean! product: Product variant: ProductVariant originalUnitPriceSet: MoneyBag!
  discountAllocations: [DiscountAllocation!]! taxLines(first: Int): [TaxLine!]!
}
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type RefundLineItem {
  id: ID quantity: Int! subtotalSet: MoneyBag! totalTaxSet: MoneyBag! lineItem: LineItem!
}
type RefundLineItemConnection { nodes: [RefundLineItem!]! pageInfo: PageInfo! }
type Refund implements Node {
  id: ID! order: Order! refundLineItems(after: String, first: Int): RefundLineItemConnection!
}
type CardPaymentDetails { number: String }
type LocalPaymentMethodsPaymentDetails { paymentDescriptor: String }
type PaypalWalletPaymentDetails { paymentMethodName: String }
type ShopPayInstallmentsPaymentDetails { paymentMethodName: String }
union PaymentDetails = CardPaymentDetails | LocalPaymentMethodsPaymentDetails |
  PaypalWalletPaymentDetails | ShopPayInstallmentsPaymentDetails
type OrderTransaction implements Node {
  id: ID! kind: OrderTransactionKind! status: OrderTransactionStatus! gateway: String
  createdAt: DateTime! processedAt: DateTime amountSet: MoneyBag!
  parentTransaction: OrderTransaction paymentDetails: PaymentDetails
}
type Order implements Node {
  id: ID! name: String! test: Boolean! createdAt: DateTime! updatedAt: DateTime!
  processedAt: DateTime! closedAt: DateTime cancelledAt: DateTime currencyCode: CurrencyCode!
  taxesIncluded: Boolean! sourceName: String sourceIdentifier: String
  displayFinancialStatus: OrderDisplayFinancialStatus customer: Customer
  retailLocation: Location staffMember: StaffMember currentTotalPriceSet: MoneyBag!
  currentTotalTaxSet: MoneyBag! totalTipReceivedSet: MoneyBag! totalReceivedSet: MoneyBag!
  lineItems(after: String, first: Int): LineItemConnection! refunds(first: Int): [Refund!]!
  transactions(first: Int): [OrderTransaction!]!
}
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type TenderTransaction implements Node { id: ID! order: Order processedAt: DateTime }
type TenderTransactionConnection { nodes: [TenderTransaction!]! pageInfo: PageInfo! }
type QueryRoot {
  currentAppInstallation: AppInstallation!
  customers(after: String, first: Int, query: String, sortKey: CustomerSortKeys = ID):
    CustomerConnection!
  locations(after: String, first: Int, includeInactive: Boolean = false,
    includeLegacy: Boolean = false, query: String, sortKey: LocationSortKeys = NAME):
    LocationConnection!
  nodes(ids: [ID!]!): [Node]!
  order(id: ID!): Order
  orders(after: String, first: Int, query: String, sortKey: OrderSortKeys = PROCESSED_AT):
    OrderConnection!
  product(id: ID!): Product
  products(after: String, first: Int, query: String, sortKey: ProductSortKeys = ID):
    ProductConnection!
  productVariants(after: String, first: Int, query: String,
    sortKey: ProductVariantSortKeys = ID): ProductVariantConnection!
  refund(id: ID!): Refund
  shop: Shop!
  staffMembers(after: String, first: Int, query: String, sortKey: StaffMembersSortKeys = ID):
    StaffMemberConnection
  tenderTransactions(after: String, first: Int, query: String): TenderTransactionConnection!
}
schema { query: QueryRoot }
"""


@cache
def true_schema() -> GraphQLSchema | None:
    """Build Shopify's own schema, None if its file is not on this machine."""
    content = _content()
    # It breaks a rule of GraphQL's that no query depends on, so it is taken at its word.
    return build_client_schema(content["data"], assume_valid=True) if content else None


@cache
def scopes_by_type() -> dict[str, set[str]]:
    """Read which scopes give access to each type; any one of them is enough."""
    items = (_content() or {"offline_scopes": {"items": []}})["offline_scopes"]["items"]
    return {
        item["typeName"]: set(item["offlineScopes"])
        for item in items
        if item["type"] == "type" and item["offlineScopes"]
    }


@cache
def subset_schema() -> GraphQLSchema:
    """Build the part of the schema that is written down here."""
    return build_schema(SUBSET)


def schema() -> GraphQLSchema:
    """Give the best schema at hand."""
    return true_schema() or subset_schema()


@cache
def document(text: str) -> DocumentNode:
    """Parse a query once."""
    return parse(text)


@cache
def mistakes(text: str) -> tuple[str, ...]:
    """Say which rules of the schema a query breaks."""
    return tuple(error.message for error in validate(schema(), document(text)))


def cost_of(text: str, variables: dict[str, Any]) -> int:
    """Work out what a query may cost: a point per object, page sizes multiply.

    A list of ids counts as a page of that size; a list without a size as one object.
    """
    return sum(
        _cost(definition.selection_set, variables)
        for definition in document(text).definitions
        if isinstance(definition, OperationDefinitionNode)
    )


def _cost(selection: SelectionSetNode | None, variables: dict[str, Any]) -> int:
    total = 0
    for field in selection.selections if selection else ():
        if not isinstance(field, FieldNode):
            total += _cost(cast("Any", field).selection_set, variables)
        elif field.selection_set is not None and field.name.value not in {"pageInfo", "nodes"}:
            total += 1 + _size(field, variables) * _cost(field.selection_set, variables)
        elif field.name.value == "nodes":
            inside = _cost(field.selection_set, variables)
            total += (1 + inside) * (len(variables["ids"]) if field.arguments else 1)
    return total


def _size(field: FieldNode, variables: dict[str, Any]) -> int:
    for argument in field.arguments or ():
        if argument.name.value == "first":
            value = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            return int(variables[cast("VariableNode", value).name.value])
    return 1


@cache
def _content() -> dict[str, Any] | None:
    file = specification(SPECIFICATION)
    if file is None:
        return None
    return cast("dict[str, Any]", msgspec.json.decode(gzip.decompress(file.read_bytes())))
