"""The JSON and the rows of sale orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from practice_register.rows import OrderRow
from practice_register.shop.tenders import money, tender_json
from practice_register.timeline import rfc3339

if TYPE_CHECKING:
    from practice_register.archive import BlobWriter
    from practice_register.shop.catalog import Article
    from practice_register.shop.pricing import Priced
    from practice_register.shop.tenders import Payment

POINT_OF_SALE = "Point of Sale"
CLICK_AND_COLLECT = "Click and Collect"

_ZERO = money(0)
_GALLON = (
    ',"quantity_unit":{"measurement_unit":{"volume_unit":"GENERIC_GALLON","type":"TYPE_VOLUME"},'
    '"precision":3}'
)


class SaleLine(Struct, frozen=True):
    """One line of a sale; `uid` is unique within its order only, as at Square."""

    uid: str
    article: Article | None
    priced: Priced

    def json(self) -> str:
        """The line as Square writes it."""
        priced = self.priced
        applied = ""
        if priced.discount:
            applied = (
                f',"applied_discounts":[{{"uid":"{self.uid}D","discount_uid":"CLUB",'
                f'"applied_money":{money(priced.discount)}}}]'
            )
        if priced.tax:
            applied += (
                f',"applied_taxes":[{{"uid":"{self.uid}T","tax_uid":"STATE",'
                f'"applied_money":{money(priced.tax)}}}]'
            )
        gross = money(priced.gross)
        return (
            f'{{"uid":"{self.uid}",{self.described()},"base_price_money":{money(priced.base)},'
            f'"gross_sales_money":{gross},'
            f'"total_tax_money":{money(priced.tax)},"total_discount_money":'
            f'{money(priced.discount)},"total_money":{money(priced.total)}{applied}}}'
        )

    def described(self) -> str:
        """What was sold and how much of it; a coupon slip is no product of the catalog."""
        unit = _GALLON if self.priced.by_the_gallon else ""
        quantity = f'"quantity":"{self.priced.quantity}"{unit}'
        if self.article is None:
            return f'{quantity},"name":"Coupon","item_type":"CUSTOM_AMOUNT"'
        return (
            f'"catalog_object_id":"{self.article.id}",{quantity},"name":{self.article.name},'
            f'"variation_name":{self.article.variation},"item_type":"ITEM"'
        )


class Sale(Struct, frozen=True):
    """One state of a sale order; `version` is 0 for orders that the till made by itself."""

    id: str
    location: str
    customer: str
    lines: list[SaleLine]
    tip: int
    created: int
    updated: int
    closed: int
    state: str
    source: str = POINT_OF_SALE
    version: int = 0
    tenders: tuple[Payment, ...] = ()
    ticket: str = ""

    @property
    def goods_total(self) -> int:
        """The sum of the lines: net of discounts, with tax, without tip."""
        return sum(line.priced.total for line in self.lines)


def write_sale(blob: BlobWriter, sale: Sale) -> OrderRow:
    """Write one state of a sale and return its row."""
    tax = sum(line.priced.tax for line in sale.lines)
    discount = sum(line.priced.discount for line in sale.lines)
    total = sale.goods_total + sale.tip
    offset, length = blob.add(_sale_json(sale, total, tax, discount).encode())
    return OrderRow(
        id=sale.id,
        since=sale.updated,
        offset=offset,
        length=length,
        created=sale.created,
        updated=sale.updated,
        gone=False,
        closed=sale.closed,
        location=sale.location,
        state=sale.state,
        source=sale.source,
        customer=sale.customer,
        tender_customer=next((each.customer for each in sale.tenders), ""),
        version=sale.version,
        lines=len(sale.lines),
        line_money=sale.goods_total,
        return_lines=0,
        return_money=0,
        total=total,
        net_total=total,
        discount=discount,
        tax=tax,
        tip=sale.tip,
    )


def amounts_json(total: int, tax: int, discount: int, tip: int) -> str:
    """A collection of money amounts, as in `net_amounts` and `return_amounts`."""
    return (
        f'{{"total_money":{money(total)},"tax_money":{money(tax)},"discount_money":'
        f'{money(discount)},"tip_money":{money(tip)},"service_charge_money":{_ZERO}}}'
    )


def _sale_json(sale: Sale, total: int, tax: int, discount: int) -> str:
    parts = [
        (
            f'{{"id":"{sale.id}","location_id":"{sale.location}","state":"{sale.state}",'
            f'"source":{{"name":"{sale.source}"}},"created_at":"{rfc3339(sale.created)}",'
            f'"updated_at":"{rfc3339(sale.updated)}"'
        )
    ]
    if sale.closed:
        parts.append(f'"closed_at":"{rfc3339(sale.closed)}"')
    if sale.customer:
        parts.append(f'"customer_id":"{sale.customer}"')
    if sale.version:
        parts.append(f'"version":{sale.version}')
    if sale.ticket:
        parts.append(f'"ticket_name":"{sale.ticket}"')
    parts.append(f'"line_items":[{",".join([line.json() for line in sale.lines])}]')
    if tax:
        parts.append(
            '"taxes":[{"uid":"STATE","name":"Sales tax","type":"ADDITIVE","percentage":"6",'
            f'"scope":"LINE_ITEM","applied_money":{money(tax)}}}]'
        )
    if discount:
        parts.append(
            '"discounts":[{"uid":"CLUB","name":"Club price","type":"VARIABLE_AMOUNT",'
            f'"scope":"LINE_ITEM","amount_money":{money(discount)},'
            f'"applied_money":{money(discount)}}}]'
        )
    if sale.tenders:
        parts.append(f'"tenders":[{",".join([tender_json(each) for each in sale.tenders])}]')
    paid = sum(each.total for each in sale.tenders)
    due = 0 if sale.state == "CANCELED" else total - paid
    parts.append(
        f'"total_money":{money(total)},"total_tax_money":{money(tax)},'
        f'"total_discount_money":{money(discount)},"total_tip_money":{money(sale.tip)},'
        f'"total_service_charge_money":{_ZERO},"net_amount_due_money":{money(due)},'
        f'"net_amounts":{amounts_json(total, tax, discount, sale.tip)}'
    )
    return ",".join(parts) + "}"
