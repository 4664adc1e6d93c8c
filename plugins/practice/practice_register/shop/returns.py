"""Returns: orders of their own, linked to their sale or not, and the refunds that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from practice_register.rows import OrderRow, RefundRow
from practice_register.shop.orders import POINT_OF_SALE, SaleLine, amounts_json
from practice_register.shop.tenders import money
from practice_register.timeline import rfc3339

if TYPE_CHECKING:
    from practice_register.archive import BlobWriter
    from practice_register.shop.tenders import Payment

_REASONS = ["Changed mind", "Damaged goods", "Past its date", "Wrong item"]
# The refund inside an order knows other words than the refund itself.
_STATUS_IN_ORDER = {
    "PENDING": "PENDING",
    "COMPLETED": "APPROVED",
    "FAILED": "FAILED",
    "REJECTED": "REJECTED",
}


class Refund(Struct, frozen=True):
    """One state of a refund; unlinked refunds have no payment."""

    id: str
    order: str
    location: str
    team_member: str
    payment: Payment | None
    amount: int
    destination: str
    reason: str
    created: int
    updated: int
    status: str


class Return(Struct, frozen=True):
    """One state of a return order; `source` is the sale's order id, empty when unlinked."""

    id: str
    location: str
    customer: str
    source: str
    lines: list[SaleLine]
    refund: Refund
    created: int
    updated: int
    since: int


def reason(number: int) -> str:
    """Why something was brought back."""
    return _REASONS[number % len(_REASONS)]


def one_piece(line: SaleLine) -> SaleLine:
    """A return line for a single piece, where the amounts divide; else for the whole line."""
    priced = line.priced
    pieces = 1 if priced.by_the_gallon else int(priced.quantity)
    amounts = (priced.gross, priced.discount, priced.tax, priced.total)
    if pieces < 2 or any(amount % pieces for amount in amounts):  # noqa: PLR2004 - a single piece is whole
        return line
    gross, discount, tax, total = (amount // pieces for amount in amounts)
    part = priced._replace(quantity="1", gross=gross, discount=discount, tax=tax, total=total)
    return replace(line, priced=part)


def write_return(blob: BlobWriter, back: Return) -> OrderRow:
    """Write one state of a return order and return its row."""
    total = sum(line.priced.total for line in back.lines)
    tax = sum(line.priced.tax for line in back.lines)
    discount = sum(line.priced.discount for line in back.lines)
    offset, length = blob.add(_return_json(back, total, tax, discount).encode())
    return OrderRow(
        id=back.id,
        since=back.since,
        offset=offset,
        length=length,
        created=back.created,
        updated=back.updated,
        gone=False,
        closed=back.created,
        location=back.location,
        state="COMPLETED",
        source=POINT_OF_SALE,
        customer=back.customer,
        tender_customer="",
        version=0,
        lines=0,
        line_money=0,
        return_lines=len(back.lines),
        return_money=total,
        total=0,
        net_total=-total,
        discount=0,
        tax=0,
        tip=0,
    )


def write_refund(blob: BlobWriter, refund: Refund) -> RefundRow:
    """Write one state of a refund and return its row."""
    if refund.payment is None:
        link = '"unlinked":true'
    else:
        link = f'"unlinked":false,"payment_id":"{refund.payment.id}"'
    json = (
        f'{{"id":"{refund.id}","status":"{refund.status}","location_id":"{refund.location}",'
        f'{link},"destination_type":"{refund.destination}","amount_money":'
        f'{money(refund.amount)},"order_id":"{refund.order}","reason":"{refund.reason}",'
        f'"created_at":"{rfc3339(refund.created)}","updated_at":"{rfc3339(refund.updated)}",'
        f'"team_member_id":"{refund.team_member}"}}'
    )
    offset, length = blob.add(json.encode())
    return RefundRow(
        id=refund.id,
        since=refund.updated,
        offset=offset,
        length=length,
        created=refund.created,
        updated=refund.updated,
        gone=False,
        location=refund.location,
        status=refund.status,
        destination=refund.destination,
        amount=refund.amount,
    )


def _return_line(line: SaleLine, number: int, *, linked: bool) -> str:
    priced = line.priced
    source = f'"source_line_item_uid":"{line.uid}",' if linked else ""
    gross = money(priced.gross)
    return (
        f'{{"uid":"R{number}",{source}{line.described()},"base_price_money":{money(priced.base)},'
        f'"gross_return_money":{gross},"total_tax_money":'
        f'{money(priced.tax)},"total_discount_money":{money(priced.discount)},"total_money":'
        f"{money(priced.total)}}}"
    )


def _return_json(back: Return, total: int, tax: int, discount: int) -> str:
    linked = bool(back.source)
    source = f'"source_order_id":"{back.source}",' if linked else ""
    lines = ",".join(
        _return_line(line, number, linked=linked) for number, line in enumerate(back.lines, 1)
    )
    amounts = amounts_json(total, tax, discount, 0)
    refund = back.refund
    tender = f'"tender_id":"{refund.payment.id}",' if refund.payment is not None else ""
    refund_json = (
        f'{{"id":"{refund.id}","location_id":"{refund.location}","transaction_id":"{back.id}",'
        f'{tender}"created_at":"{rfc3339(refund.created)}","reason":"{refund.reason}",'
        f'"amount_money":{money(refund.amount)},"status":"{_STATUS_IN_ORDER[refund.status]}"}}'
    )
    customer = f'"customer_id":"{back.customer}",' if back.customer else ""
    zero = money(0)
    return (
        f'{{"id":"{back.id}","location_id":"{back.location}",{customer}"state":"COMPLETED",'
        f'"source":{{"name":"{POINT_OF_SALE}"}},"created_at":"{rfc3339(back.created)}",'
        f'"updated_at":"{rfc3339(back.updated)}","closed_at":"{rfc3339(back.created)}",'
        f'"returns":[{{"uid":"RETURN",{source}"return_line_items":[{lines}],'
        f'"return_amounts":{amounts}}}],"return_amounts":{amounts},'
        f'"net_amounts":{amounts_json(-total, -tax, -discount, 0)},"refunds":[{refund_json}],'
        f'"total_money":{zero},"total_tax_money":{zero},"total_discount_money":{zero},'
        f'"total_tip_money":{zero},"total_service_charge_money":{zero}}}'
    )
