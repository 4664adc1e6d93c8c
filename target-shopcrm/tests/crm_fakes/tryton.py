"""A fake Tryton 8.2: JSON-RPC of one database, and what a shop would see in it.

It does what the real server was seen to do, which the scenarios in `crm_servers` prove by
running against both.
"""

from __future__ import annotations

import base64
import gzip
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from crm_fakes.fake import Answer, FakeCrm, Request
from crm_fakes.tryton_rules import check, check_access
from crm_fakes.tryton_store import MODELS, Row, Store, UserError, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

OUR_USER, THE_OWNER, THE_PERSON = 3, 1, 0
_HTML = b"<!doctype html>\n<html lang=en>\n<title>Error</title>\n"
_LONG_ANSWER = 1400
_REFERENCED_BY = {"party.party": ("sale.sale", "party")}


class FakeTryton(FakeCrm):
    """A database of Tryton.

    Attributes:
        database: Its name.
        username: The only user that can sign in.
        api_key: That user's password.
        modules: Which of ``marketing_email`` and ``sale`` are activated.
        may_market: Whether the user is in the group Marketing.
        company: The user's company, or None.
        forbidden: A rule of the shop's refuses parties of this name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.database = "shop"
        self.username = "sync"
        self.api_key = "the-password-of-sync"
        self.modules = {"marketing_email", "sale"}
        self.may_market = True
        self.company: int | None = 1
        self.forbidden = ""
        self.store = Store()
        self.store.create("currency.currency", {"code": "EUR", "digits": 2})
        self._session: str | None = None
        self._sessions = 0

    def expire_session(self) -> None:
        """End whoever is signed in."""
        self._session = None

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path != f"/{quote(self.database)}/rpc/":
            return Answer(404, _HTML)
        if request.method != "POST" or "json" not in request.headers.get("content-type", ""):
            return Answer(400, _HTML)
        asked = request.json()
        if asked["method"] == "common.db.login":
            return self._log_in(asked["params"])
        expected = f"{self.username}:{OUR_USER}:{self._session}".encode()
        header = f"Session {base64.b64encode(expected).decode()}"
        if self._session is None or request.headers.get("authorization") != header:
            return Answer(401, b"")
        return self._dispatch(asked, request.headers.get("accept-encoding", ""))

    def _log_in(self, params: list[Any]) -> Answer:
        if params[0] != self.username or params[1] != {"password": self.api_key}:
            return Answer(401, _HTML)
        self._sessions += 1
        self._session = f"session-{self._sessions}"
        return Answer(200, {"id": 1, "result": [OUR_USER, self._session, None]})

    def _dispatch(self, asked: Row, accepted: str) -> Answer:
        model, _, name = asked["method"].removeprefix("model.").rpartition(".")
        *params, _context = from_json(asked["params"])
        methods: dict[str, Callable[..., Any]] = {
            "search_read": self._search_read,
            "create": self._create,
            "write": self._write,
            "delete": self._delete,
            "get_preferences": lambda _model, _only: {"company": self.company},
        }
        module = {"sale": "sale", "marketing": "marketing_email"}.get(model.split(".")[0])
        if (model not in MODELS and model != "res.user") or module not in {None, *self.modules}:
            return Answer(200, {"id": 1, "error": [f"'{model}'", ""]})
        if name not in methods:
            return Answer(403, _HTML)
        try:
            check_access(model, may_market=self.may_market)
            with self.store.transaction(OUR_USER, self.now):
                result = methods[name](model, *params)
        except UserError as error:
            return Answer(200, {"id": 1, "error": ["UserError", [str(error), "", None]]})
        return _answered({"id": 1, "result": to_json(result)}, accepted)

    def _search_read(self, model: str, domain: list[Any], *rest: Any) -> list[Row]:
        offset, limit, order, names = rest
        assert order == [["id", "ASC"]]
        rows = sorted(self.store.search(model, domain), key=lambda row: int(row["id"]))
        shown = rows[offset : offset + limit]
        return [{"id": row["id"], **{name: row[name] for name in names}} for row in shown]

    def _create(self, model: str, rows: list[Row]) -> list[int]:
        made: list[int] = []
        for values in rows:
            check(self.store, model, values, forbidden=self.forbidden)
            if model == "marketing.email":
                values = {**values, "email": values["email"].lower()}  # noqa: PLW2901
            made.append(self.store.create(model, values))
            self._note("upsert" if model == "party.party" else "grant", model, made[-1])
        return made

    def _write(self, model: str, *pairs: Any) -> None:
        for ids, values in zip(pairs[::2], pairs[1::2], strict=True):
            for each in ids:
                check(self.store, model, values, changed=each, forbidden=self.forbidden)
                self.store.write(model, [each], values)
                is_closing = model == "marketing.email" and not values["active"]
                what = "upsert" if model == "party.party" else "grant"
                self._note("withdraw" if is_closing else what, model, each)

    def _delete(self, model: str, ids: list[int]) -> None:
        if model in _REFERENCED_BY:
            other, field = _REFERENCED_BY[model]
            if any(row[field] in ids for row in self.store.tables[other].values()):
                raise UserError("The records could not be deleted because they are used by field.")
        for each in ids:
            if each in self.store.tables[model]:
                self._note("erase", model, each)
        self.store.delete(model, ids)

    def _note(self, operation: str, model: str, record: int) -> None:
        row = self.store.tables[model][record]
        if model == "marketing.email":
            self.writes.append(f"{operation} {row['email']}")
        elif model in {"party.party", "sale.sale", "ir.note"}:
            what = {"sale.sale": "order", "ir.note": "cue"}.get(model, operation)
            name = row.get("code") or row.get("reference") or row.get("resource")
            self.writes.append(f"{operation if operation == 'erase' else what} {name}")

    # what no vendor would answer

    def mailable(self) -> set[tuple[str, str]]:
        """Every address that is on a list."""
        return {("email", row["email"]) for row in self._subscriptions() if row["active"]}

    def opted_out(self) -> set[tuple[str, str]]:
        """Every address whose subscription somebody else than we ended."""
        return {
            ("email", row["email"])
            for row in self._subscriptions()
            if not row["active"] and row["write_date"] and row["write_uid"] != OUR_USER
        }

    def known(self) -> set[str]:
        """Every address of a party."""
        mechanisms = self.store.tables["party.contact_mechanism"].values()
        return {row["value"].lower() for row in mechanisms if row["type"] == "email"}

    def members(self) -> dict[str, set[str]]:
        """For each list the addresses that it mails."""
        found: dict[str, set[str]] = {each: set() for each in self.lists().values()}
        for row in self._subscriptions():
            if row["active"]:
                found[str(row["list_"])].add(row["email"])
        return found

    def triggered(self) -> list[tuple[str, str]]:
        """Nothing we send starts anything: sales stay drafts."""
        started = [r for r in self.store.tables["sale.sale"].values() if r["state"] != "draft"]
        return [("sale", str(row["party"])) for row in started]

    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields it holds."""
        for row in self.store.tables["party.contact_mechanism"].values():
            if row["value"].lower() == address:
                party = self.store.tables["party.party"][row["party"]]
                found = {"given_name": party["name"], "email": row["value"]}
                return {name: value for name, value in found.items() if value}
        return {}

    def counts(self) -> dict[str, int]:
        """How much of each it holds."""
        models = {"contacts": "party.party", "orders": "sale.sale", "cues": "ir.note"}
        counted = {name: len(self.store.tables[model]) for name, model in models.items()}
        return {"events": 0, **counted}

    def person_opts_out(self, channel: str, address: str) -> None:
        """The person clicks on *unsubscribe*."""
        ids = [
            r["id"] for r in self._subscriptions() if ("email", r["email"]) == (channel, address)
        ]
        with self.store.transaction(THE_PERSON, self.now):
            self.store.write("marketing.email", ids, {"active": False})

    def owner_adds(self, email: str) -> None:
        """The owner types a party in, and subscribes it."""
        with self.store.transaction(THE_OWNER, self.now):
            mechanism = {"type": "email", "value": email}
            parts = [["create", [mechanism]]]
            self.store.create(
                "party.party", {"code": f"typed {email}", "contact_mechanisms": parts}
            )
            everybody = int(self.lists()["Everybody"])
            values = {"email": email.lower(), "list_": everybody}
            self.store.create("marketing.email", values)

    # what the scenarios need besides

    def lists(self) -> dict[str, str]:
        """The ids of the mailing lists, by their names."""
        rows = self.store.tables["marketing.email.list"].values()
        return {row["name"]: str(row["id"]) for row in rows}

    def add_list(self, name: str) -> str:
        """The owner makes a mailing list; returns its id."""
        return str(self.store.create("marketing.email.list", {"name": name}))

    def asks_to_subscribe(self, email: str) -> None:
        """Somebody fills in the form of the website, and has yet to confirm."""
        with self.store.transaction(THE_PERSON, self.now):
            values = {"email": email, "list_": int(self.lists()["Everybody"]), "active": False}
            self.store.create("marketing.email", values)

    def staff_replaces(self, code: str, by: str) -> None:
        """Staff replaces a party by another; its addresses move, out of use."""
        ids = {row["code"]: row["id"] for row in self.store.tables["party.party"].values()}
        with self.store.transaction(THE_OWNER, self.now):
            changed = {"active": False, "replaced_by": ids[by]}
            self.store.write("party.party", [ids[code]], changed)
            for row in self.store.tables["party.contact_mechanism"].values():
                if row["party"] == ids[code]:
                    row.update(party=ids[by], active=False)

    def staff_archives(self, code: str) -> None:
        """Staff archives a party."""
        for row in self.store.tables["party.party"].values():
            row["active"] = row["active"] and row["code"] != code

    def forbid_name(self, name: str) -> None:
        """The owner makes a rule against parties of a name."""
        self.forbidden = name

    def staff_confirms(self, reference: str) -> None:
        """Staff goes on with a sale."""
        for row in self.store.tables["sale.sale"].values():
            if row["reference"] == reference:
                row["state"] = "confirmed"

    def sales(self) -> dict[str, tuple[str, Decimal]]:
        """State and amount of each sale, by its reference."""
        lines = self.store.tables["sale.line"].values()
        return {
            sale["reference"]: (
                sale["state"],
                sum((_amount(r) for r in lines if r["sale"] == sale["id"]), start=Decimal(0)),
            )
            for sale in self.store.tables["sale.sale"].values()
        }

    def notes(self) -> list[str]:
        """The text of every note."""
        return [row["message"] for row in self.store.tables["ir.note"].values()]

    def _subscriptions(self) -> list[Row]:
        return list(self.store.tables["marketing.email"].values())


def settings_for(fake: FakeTryton) -> dict[str, Any]:
    """The target's settings for a running fake."""
    there = fake.lists()
    return {
        "destination": "tryton",
        "api_url": fake.url,
        "database": fake.database,
        "username": fake.username,
        "api_key": fake.api_key,
        "lists": {
            "*": there.get("Everybody") or fake.add_list("Everybody"),
            "loyal": there.get("Loyal") or fake.add_list("Loyal"),
        },
    }


def _answered(body: Row, accepted: str) -> Answer:
    """A long answer is called gzip, whether it is or not."""
    text = msgspec.json.encode(body)
    if len(text) <= _LONG_ANSWER:
        return Answer(200, text)
    packed = gzip.compress(text) if "gzip" in accepted else text
    return Answer(200, packed, {"Content-Encoding": "gzip"})


def _amount(line: Row) -> Decimal:
    return round(Decimal(str(line["quantity"])) * Decimal(line["unit_price"]), 2)
