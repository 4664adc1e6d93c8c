"""From a basket of plain texts to the canonical order. Pure functions.

How the figures of an export become the canonical ones:

* an amount that the file leaves out is computed from those it has; amounts that
  contradict each other make a bad record, unless the mapping says ``totals: given``;
* a discount counts whichever sign the file gives it; of a return every amount is negative
  whatever the file writes, and its quantities are positive;
* tax that prices include is taken out of them in the end (`taxes`): `gross` and `net` are
  without tax, and `net + tax + tip + service_charge = total`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.exports.payments import payments_of
from tap_pos.vendors.exports.taxes import without_included_tax
from tap_pos.vendors.exports.values import required_zone
from tap_pos.vendors.money import minor_digits, minor_units, rounded_minor_units
from tap_pos.vendors.texts import with_variant
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import time
    from zoneinfo import ZoneInfo

    from tap_pos.vendors.exports.baskets import Basket
    from tap_pos.vendors.exports.rows import Texts

Amounts = dict[str, int]

_STATES = ("open", "completed", "cancelled")
_CHANNELS = ("store", "online")
_KINDS = ("sale", "return")


@dataclass(frozen=True)
class OrderFacts:
    """What an order's record needs to know about its shop and its mapping.

    Attributes:
        shop_id: The shop.
        zone: Whose wall clock its days follow, unless the order says otherwise.
        currency: Unless the order says otherwise.
        day_starts_at: Wall-clock time at which a trading day begins.
        totals: The mapping's word on contradictions.
        tax: The mapping's word on whether prices include tax.
    """

    shop_id: str
    zone: ZoneInfo
    currency: str | None
    day_starts_at: time
    totals: Literal["check", "given"]
    tax: Literal["by total", "added", "included"]


def order_of(basket: Basket, facts: OrderFacts) -> records.Order:
    """Map an order.

    Raises:
        Unmappable: If it can't be read, or contradicts itself.
    """
    if basket.problem is not None:
        raise Unmappable(basket.problem)
    if basket.proves_itself:
        facts = replace(facts, totals="check")
    order = basket.order
    currency = (order.get("currency") or facts.currency or "").upper()
    minor_digits(currency)
    lines = [
        _line(texts, number, currency, facts, apart=basket.apart)
        for number, texts in enumerate(basket.lines, 1)
    ]
    _refuse_repeated(line.id for line in lines)
    amounts = _amounts(basket, lines, currency, facts)
    payments = payments_of(basket, currency)
    _refuse_repeated(payment.id for payment in payments)
    paid = sum(payment.amount for payment in payments)
    if basket.tells_payments and paid != amounts["total"]:
        raise Unmappable("its payments do not add up to its total")
    created_at = order.get("created_at") or order.get("closed_at")
    if created_at is None:
        raise Unmappable("it has no date (orders.created_at)")
    closed_at, cancelled_at = order.get("closed_at"), order.get("cancelled_at")
    state = "cancelled" if cancelled_at else _word(order, "state", _STATES) or "completed"
    mapped = records.Order(
        shop_id=facts.shop_id,
        id=basket.key,
        location_id=order.get("location"),
        customer_id=order.get("customer"),
        employee_id=order.get("employee"),
        channel=cast("Any", _word(order, "channel", _CHANNELS) or "store"),
        state=cast("Any", state),
        receipt_number=order.get("receipt_number"),
        currency=currency,
        created_at=created_at,
        updated_at=order.get("updated_at") or max(created_at, closed_at or "", cancelled_at or ""),
        closed_at=closed_at,
        business_date=_business_date(order, facts),
        **amounts,
        lines=lines,
        payments=payments,
        returns=_links(basket, lines),
    )
    charged = mapped.net + mapped.tip + mapped.service_charge
    includes_tax = mapped.tax != 0 and facts.tax != "added" and mapped.total == charged
    return without_included_tax(mapped) if includes_tax else mapped


def _line(
    texts: Texts, number: int, currency: str, facts: OrderFacts, *, apart: bool
) -> records.OrderLine:
    quantity = Decimal(texts.get("quantity", "1"))
    kind = _word(texts, "kind", _KINDS) or ("return" if quantity < 0 else "sale")
    returned = apart or kind == "return"
    given: Amounts = {
        name: minor_units(texts[name], currency)
        for name in ("gross", "discount", "net", "tax")
        if name in texts
    }
    price = _optional_rounded(texts.get("unit_price"), currency)
    if "gross" not in given and "net" not in given:
        if price is None:
            raise Unmappable("a line has no amount (lines.gross, net or unit_price)")
        exact = abs(quantity) * Decimal(texts["unit_price"]).scaleb(minor_digits(currency))
        given["gross"] = int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))
    if returned:
        given = {name: -abs(amount) for name, amount in given.items()}
    elif "discount" in given:
        given["discount"] = abs(given["discount"])
    gross, discount, net = _reconciled(given, facts, "a line's amounts")
    return records.OrderLine(
        id=texts.get("id") or str(number),
        kind="return" if returned else "sale",
        product_id=texts.get("product"),
        name=with_variant(texts.get("name"), texts.get("variant")),
        quantity=format(abs(quantity), "f"),
        unit_price=None if price is None else -abs(price) if returned else price,
        gross=gross,
        discount=discount,
        tax=given.get("tax", 0),
        net=net,
        unit_cost=_optional_rounded(texts.get("unit_cost"), currency),
    )


def _reconciled(given: Amounts, facts: OrderFacts, what: str) -> tuple[int, int, int]:
    """Work out gross, discount and net from those of them that are there."""
    gross, discount, net = given.get("gross"), given.get("discount"), given.get("net")
    if gross is None:
        gross = (net or 0) + (discount or 0)
    if net is None:
        net = gross - (discount or 0)
    if discount is not None and gross - discount != net and facts.totals == "check":
        raise Unmappable(f"{what} do not add up (gross - discount = net)")
    return gross, gross - net, net


def _amounts(
    basket: Basket, lines: Sequence[records.OrderLine], currency: str, facts: OrderFacts
) -> Amounts:
    """Work out the totals of an order, and hold those of the file to its lines."""
    given: Amounts = {
        name: minor_units(basket.order[name], currency)
        for name in ("gross", "discount", "net", "tax", "tip", "service_charge", "total")
        if name in basket.order
    }
    if not lines and not given.keys() & {"gross", "net", "total"}:
        raise Unmappable("it has neither lines nor a total")
    sold = sum(line.gross for line in lines) if lines else _first(given, "gross", "net", "total")
    if basket.apart:
        given = {name: -abs(amount) for name, amount in given.items()}
    elif "discount" in given:
        given["discount"] = abs(given["discount"]) if sold >= 0 else -abs(given["discount"])
    extra = given.get("tip", 0) + given.get("service_charge", 0)
    tax = given.get("tax", sum(line.tax for line in lines))
    if lines:
        charged = given.get("total", 0) - extra
        fitting = {charged, charged - tax} if "total" in given else set()
        gross, net = _of_lines(basket, given, lines, fitting, facts)
    else:
        if not given.keys() & {"gross", "net"}:
            given["net"] = given["total"] - extra - (0 if facts.tax == "included" else tax)
        gross, _, net = _reconciled(given, facts, "its amounts")
    total = _total(given, net + extra, tax, facts, proven=basket.proves_itself)
    return {
        "gross": gross,
        "discount": gross - net,
        "tax": tax,
        "tip": given.get("tip", 0),
        "service_charge": given.get("service_charge", 0),
        "net": net,
        "total": total,
    }


def _of_lines(
    basket: Basket,
    given: Amounts,
    lines: Sequence[records.OrderLine],
    charged: set[int],
    facts: OrderFacts,
) -> tuple[int, int]:
    """Work out gross and net of an order with lines.

    A discount on the whole order stands in its totals only. Whether that figure contains
    the discounts of the lines as well is seen from the order's net or total. Where the file
    tells no discount at all, it is what the order's net is short of its lines.

    Args:
        basket: The order.
        given: Its own amounts.
        lines: Its lines.
        charged: What its net would have to be to fit its total.
        facts: How strict the mapping is.
    """
    lines_tell = any("discount" in texts or "net" in texts for texts in basket.lines)
    gross, net = sum(line.gross for line in lines), sum(line.net for line in lines)
    if facts.totals == "given":
        gross = given.get("gross", gross)
        return gross, given.get("net", gross - given["discount"] if "discount" in given else net)
    if given.get("gross", gross) not in {gross, net}:
        raise Unmappable("its lines do not add up to its gross amount")
    discount = given.get("discount", gross - net)
    possible = {net} if discount == gross - net else {gross - discount, net - discount}
    if "net" in given:
        untold = not lines_tell and abs(given["net"]) <= abs(gross)
        if given["net"] not in possible | {net} and not ("discount" not in given and untold):
            raise Unmappable("its lines do not add up to its net amount")
        return gross, given["net"]
    if len(possible) > 1:
        possible &= charged
    if len(possible) != 1:
        raise Unmappable("its discount may or may not hold those of its lines: map orders.net")
    return gross, possible.pop()


def _first(given: Amounts, *names: str) -> int:
    return next((given[name] for name in names if name in given), 0)


def _total(given: Amounts, charged: int, tax: int, facts: OrderFacts, *, proven: bool) -> int:
    """Find what the customer was charged, and whether tax came on top."""
    added, total = charged + tax, given.get("total")
    if total is None:
        if proven:
            raise Unmappable("it has no total")
        if tax and facts.tax == "by total":
            raise Unmappable(
                "it has tax but no total: write tax: added or tax: included into the mapping"
            )
        return charged if facts.tax == "included" else added
    fitting = {"added": {added}, "included": {charged}, "by total": {added, charged}}[facts.tax]
    if total not in fitting and facts.totals == "check":
        raise Unmappable("its amounts do not add up to its total")
    return total


def _business_date(order: Texts, facts: OrderFacts) -> str:
    """Tell the trading day; a date without a time of day is that day."""
    which = "closed_at" if "closed_at" in order else "created_at"
    if f"{which}:day" in order:
        return order[f"{which}:day"]
    zone = required_zone(order["timezone"]) if "timezone" in order else facts.zone
    return business_date(order[which], zone, facts.day_starts_at)


def _links(basket: Basket, lines: Sequence[records.OrderLine]) -> list[records.ReturnLink]:
    return [
        records.ReturnLink(
            line_id=line.id,
            source_order_id=texts.get("source_order"),
            source_line_id=texts.get("source_line") if "source_order" in texts else None,
        )
        for line, texts in zip(lines, basket.lines, strict=True)
        if line.kind == "return"
    ]


def _optional_rounded(text: str | None, currency: str) -> int | None:
    return None if text is None else rounded_minor_units(text, currency)


def _word(texts: Texts, name: str, allowed: Sequence[str]) -> str | None:
    """Take a word that has to be one of the records' own.

    Raises:
        Unmappable: If the mapping does not translate what the file says.
    """
    said = texts.get(name)
    if said is not None and said not in allowed:
        raise Unmappable(f"its {name} is a word that the mapping does not translate (words)")
    return said


def _refuse_repeated(ids: Any) -> None:
    seen: set[str] = set()
    for identity in ids:
        if identity in seen:
            raise Unmappable("two of its lines or payments have the same id")
        seen.add(identity)
