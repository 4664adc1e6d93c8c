"""Shopify's data for small shops, with as little as a test needs to say.

Amounts are whole minor units of the shop's currency, per unit of a line; the fake writes them
as Shopify does. A text in place of an amount is passed on as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_pos.testing.fake import Row


def line(number: int = 1, price: int | str = 1000, quantity: int = 1, **extra: Any) -> Row:
    """Make a line; `discount` and `tax` are per unit, `variant` is a variant's number."""
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "title": "Tea",
        "variantTitle": None,
        "quantity": quantity,
        "currentQuantity": quantity,
        "taxable": True,
        "price": price,
        "discount": 0,
        "tax": 0,
        "variant": None,
        **extra,
    }


def transaction(number: int, amount: int, at: str, **extra: Any) -> Row:
    """Make a successful sale by card."""
    return {
        "id": f"gid://shopify/OrderTransaction/{number}",
        "kind": "SALE",
        "status": "SUCCESS",
        "gateway": "shopify_payments",
        "createdAt": at,
        "processedAt": at,
        "amount": amount,
        "parent": None,
        "details": "CardPaymentDetails",
        **extra,
    }


def refund(number: int, *lines: tuple[int, int], **extra: Any) -> Row:
    """Make a refund of lines: pairs of a line's number and how many units."""
    return {
        "id": f"gid://shopify/Refund/{number}",
        "lines": [
            {
                "id": f"gid://shopify/RefundLineItem/{number}{place}",
                "line": f"gid://shopify/LineItem/{source}",
                "quantity": units,
            }
            for place, (source, units) in enumerate(lines)
        ],
        **extra,
    }


def order(number: int, at: str, lines: list[Row] | None = None, **extra: Any) -> Row:
    """Make a paid order of one line, made at the register of location 1."""
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "test": False,
        "createdAt": at,
        "updatedAt": at,
        "processedAt": at,
        "closedAt": None,
        "cancelledAt": None,
        "taxesIncluded": False,
        "sourceName": "pos",
        "sourceIdentifier": f"1-{number}",
        "displayFinancialStatus": "PAID",
        "customer": None,
        "location": 1,
        "staff": None,
        "lines": [line(number)] if lines is None else lines,
        "refunds": [],
        "transactions": [],
        "shipping": 0,
        "tip": 0,
        **extra,
    }


def customer(number: int, at: str, **extra: Any) -> Row:
    """Make a customer profile without any contact details."""
    return {
        "id": f"gid://shopify/Customer/{number}",
        "firstName": None,
        "lastName": None,
        "tags": [],
        "createdAt": at,
        "updatedAt": at,
        "dataSaleOptOut": False,
        "defaultEmailAddress": None,
        "defaultPhoneNumber": None,
        "defaultAddress": None,
        # What the tap must never ask for.
        "multipassIdentifier": "secret-multipass",
        "unsubscribeUrl": "https://example.org/secret-unsubscribe",
        **extra,
    }


def email(address: str, state: str = "NOT_SUBSCRIBED", at: str | None = None) -> Row:
    """Make an e-mail address."""
    return {"emailAddress": address, "marketingState": state, "marketingUpdatedAt": at}


def phone(
    number: str, sms: tuple[str, str | None], whatsapp: tuple[str, str | None] | None = None
) -> Row:
    """Make a phone number; consents are pairs of a state and its time."""
    chat = whatsapp or ("NEVER_SUBSCRIBED", None)
    return {
        "phoneNumber": number,
        "smsMarketingConsent": {"state": sms[0], "updatedAt": sms[1]},
        "whatsAppMarketingConsent": {"state": chat[0], "updatedAt": chat[1]},
    }


def product(number: int, at: str, **extra: Any) -> Row:
    """Make a product; its variants are rows of their own."""
    return {
        "id": f"gid://shopify/Product/{number}",
        "title": "Tea",
        "vendor": "Leaf & Co",
        "productType": "Drinks",
        "updatedAt": at,
        "status": "ACTIVE",
        "category": None,
        **extra,
    }


def variant(number: int, product_number: int, at: str, **extra: Any) -> Row:
    """Make a variant."""
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "title": "Default Title",
        "sku": f"SKU{number}",
        "barcode": None,
        "price": 450,
        "cost": None,
        "updatedAt": at,
        "product": product_number,
        **extra,
    }


def location(number: int, at: str, **extra: Any) -> Row:
    """Make a location."""
    return {
        "id": f"gid://shopify/Location/{number}",
        "name": f"Shop {number}",
        "isActive": True,
        "isFulfillmentService": False,
        "updatedAt": at,
        "address": {"address1": "1 Main Street", "city": "Springfield", "countryCode": "US"},
        **extra,
    }


def staff_member(number: int, **extra: Any) -> Row:
    """Make a staff member."""
    return {
        "id": f"gid://shopify/StaffMember/{number}",
        "name": f"Till {number}",
        "active": True,
        "exists": True,
        "email": "secret-staff@example.org",
        **extra,
    }
