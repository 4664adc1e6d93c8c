"""Which models and fields the small Odoo has, and how it computes those it does not store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_pos.testing.fakes.odoo_models import Model

if TYPE_CHECKING:
    from tap_pos.testing.fake import Row
    from tap_pos.testing.fakes.odoo_models import Database


def _of_template(name: str) -> Any:
    """Take a field of a variant from its template, as Odoo's inheritance does."""

    def compute(database: Database, row: Row) -> Any:
        link = row["product_tmpl_id"]
        template = database.visible("product.template", link if isinstance(link, int) else link[0])
        return (template or {}).get(name)

    return compute


def _shown_name(database: Database, row: Row) -> str:
    name = str(_of_template("name")(database, row) or "")
    return f"[{row['default_code']}] {name}" if row.get("default_code") else name


def _country_code(_database: Database, row: Row) -> str | None:
    return {233: "US", 75: "FR"}.get(row.get("country_id") or 0)


def _currency(database: Database, row: Row) -> Any:
    company = row.get("company_id")
    if not isinstance(company, int):
        return None
    return (database.visible("res.company", company) or {}).get("currency_id")


def models() -> dict[str, Model]:
    """Make empty models. Those with secrets have them, so that a test can see them stay."""
    text, flag, number, when = "char", "boolean", "float", "datetime"
    return {
        "res.company": Model(
            {"name": text, "partner_id": "many2one:res.partner", "currency_id": "many2one:"}
        ),
        "pos.config": Model(
            {"name": text, "active": flag, "company_id": "many2one:res.company",
             "currency_id": "many2one:", "tip_product_id": "many2one:product.product"},
            {"currency_id": _currency},
        ),
        "res.users": Model(
            {"name": text, "login": text, "active": flag, "share": flag}, {"name": _user_name}
        ),
        "res.partner.category": Model({"name": text}),
        "res.partner": Model(
            {"name": text, "active": flag, "email": text, "email_normalized": text,
             "phone": text, "mobile": text, "phone_sanitized": text, "street": text,
             "street2": text, "city": text, "zip": text, "state_id": "many2one:",
             "country_id": "many2one:", "country_code": text, "ref": text, "tz": "selection",
             "category_id": "many2many", "partner_share": flag, "customer_rank": "integer",
             "signup_token": text, "is_blacklisted": flag},
            {"country_code": _country_code, "is_blacklisted": lambda _database, _row: False},
        ),
        "mail.blacklist": Model({"email": text, "active": flag}),
        "phone.blacklist": Model({"number": text, "active": flag}),
        "product.category": Model({"name": text, "parent_id": "many2one:product.category"}),
        "product.template": Model(
            {"name": text, "active": flag, "categ_id": "many2one:product.category",
             "list_price": number}
        ),
        "product.product": Model(
            {"product_tmpl_id": "many2one:product.template", "active": flag,
             "default_code": text, "barcode": text, "display_name": text,
             "categ_id": "many2one:product.category", "lst_price": number,
             "standard_price": number, "currency_id": "many2one:",
             "cost_currency_id": "many2one:"},
            {"display_name": _shown_name, "categ_id": _of_template("categ_id"),
             "lst_price": _of_template("list_price")},
        ),
        "pos.session": Model({"name": text, "config_id": "many2one:pos.config", "start_at": when}),
        "pos.payment.method": Model(
            {"name": text, "is_cash_count": flag, "use_payment_terminal": "selection",
             "type": "selection"},
            {"type": lambda _database, row: "cash" if row.get("is_cash_count") else "bank"},
        ),
        "pos.order": Model(
            {"name": text, "state": "selection", "date_order": when, "amount_total": number,
             "amount_tax": number, "amount_paid": number, "pos_reference": text,
             "partner_id": "many2one:res.partner", "user_id": "many2one:res.users",
             "config_id": "many2one:pos.config", "session_id": "many2one:pos.session",
             "company_id": "many2one:res.company", "lines": "one2many",
             "payment_ids": "one2many", "access_token": text}
        ),
        "pos.order.line": Model(
            {"order_id": "many2one:pos.order", "qty": number, "price_unit": number,
             "discount": number, "price_subtotal": number, "price_subtotal_incl": number,
             "product_id": "many2one:product.product", "full_product_name": text,
             "total_cost": number, "is_total_cost_computed": flag, "is_reward_line": flag,
             "refunded_orderline_id": "many2one:pos.order.line"}
        ),
        "pos.payment": Model(
            {"pos_order_id": "many2one:pos.order", "amount": "monetary",
             "payment_method_id": "many2one:pos.payment.method", "payment_date": when,
             "payment_status": text, "card_type": text, "cardholder_name": text,
             "is_change": flag}
        ),
        "loyalty.program": Model({"name": text, "program_type": "selection", "active": flag}),
        "loyalty.card": Model(
            {"points": number, "partner_id": "many2one:res.partner",
             "program_id": "many2one:loyalty.program", "code": text}
        ),
    }  # fmt: skip


def _user_name(_database: Database, row: Row) -> Any:
    return row.get("name")
