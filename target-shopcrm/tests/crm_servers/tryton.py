"""A real Tryton 8.2 with a PostgreSQL of its own.

What a test asks is asked of its database; what people do is done as they do it: the owner by
another user's RPC, the person's click by Tryton's own method.
"""

from __future__ import annotations

import base64
import contextlib
import os
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import requests
from psycopg.conninfo import conninfo_to_dict
from shopcrm_database import running_server

from crm_servers.processes import answers, free_port, installed, run, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = (
    "trytond~=8.2.0",
    "trytond-party~=8.2.0",
    "trytond-sale~=8.2.0",
    "trytond-marketing-email~=8.2.0",
    "psycopg[binary,pool]",
)
DATABASE = "tryton"
_OWNER, _OWNERS_PASSWORD = "admin", "the-password-of-admin"
_USER, _PASSWORD = "sync", "the-password-of-sync"
_PEOPLE = """
import sys
from trytond import config; config.update_etc(sys.argv[1])
from trytond.pool import Pool
from trytond.transaction import Transaction
Pool.start(); pool = Pool('tryton')
with Transaction().start('tryton', 0, readonly=True):
    pool.init()
print('ready', flush=True)
"""
_TABLES = (
    "sale_line",
    "sale_sale",
    "marketing_email",
    "marketing_email_list",
    "ir_note_read",
    "ir_note",
    "ir_rule",
    "ir_rule_group",
)


@dataclass
class RealTryton:
    """The running server, with the questions of a fake."""

    url: str
    dsn: str
    database: str = DATABASE
    username: str = _USER
    api_key: str = _PASSWORD
    our_user: int = 0
    company: int = 0
    shipped_rules: int = 0
    _owner: str = field(default="", repr=False)

    def reset(self) -> None:
        """Back to a shop without customers."""
        for table in _TABLES:
            newer = f" WHERE id > {self.shipped_rules}" if "rule" in table else ""
            self.ask(f"DELETE FROM {table}{newer}")  # noqa: S608 - constants
        self.ask("DELETE FROM party_party WHERE id NOT IN (SELECT party FROM company_company)")

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def mailable(self) -> set[tuple[str, str]]:
        """Every address that is on a list."""
        rows = self.ask("SELECT email FROM marketing_email WHERE active")
        return {("email", email) for (email,) in rows}

    def opted_out(self) -> set[tuple[str, str]]:
        """Every address whose subscription somebody else than we ended."""
        rows = self.ask(
            "SELECT email FROM marketing_email"
            " WHERE NOT active AND write_date IS NOT NULL AND write_uid <> %s",
            self.our_user,
        )
        return {("email", email) for (email,) in rows}

    def known(self) -> set[str]:
        """Every address of a party."""
        rows = self.ask("SELECT lower(value) FROM party_contact_mechanism WHERE type = 'email'")
        return {value for (value,) in rows}

    def members(self) -> dict[str, set[str]]:
        """For each list the addresses that it mails."""
        found: dict[str, set[str]] = {each: set() for each in self.lists().values()}
        for list_id, email in self.ask("SELECT list_, email FROM marketing_email WHERE active"):
            found[str(list_id)].add(email)
        return found

    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields it holds."""
        for name, value in self.ask(
            "SELECT party_party.name, value FROM party_contact_mechanism"
            " JOIN party_party ON party_party.id = party WHERE lower(value) = %s",
            address,
        ):
            return {k: v for k, v in {"given_name": name, "email": value}.items() if v}
        return {}

    def counts(self) -> dict[str, int]:
        """How much of each it holds."""
        ((contacts, orders, cues),) = self.ask(
            "SELECT (SELECT count(*) FROM party_party"
            " WHERE id NOT IN (SELECT party FROM company_company)),"
            " (SELECT count(*) FROM sale_sale), (SELECT count(*) FROM ir_note)"
        )
        return {"contacts": contacts, "orders": orders, "events": 0, "cues": cues}

    def triggered(self) -> list[tuple[str, str]]:
        """Nothing we send starts anything: sales stay drafts."""
        rows = self.ask("SELECT party FROM sale_sale WHERE state <> 'draft'")
        return [("sale", str(party)) for (party,) in rows]

    def person_opts_out(self, channel: str, address: str) -> None:
        """What Tryton's own *unsubscribe* writes: as nobody, now."""
        assert channel == "email"
        self.ask(
            "UPDATE marketing_email SET active = false, write_uid = 0,"
            " write_date = now() AT TIME ZONE 'UTC' WHERE email = %s",
            address,
        )

    def asks_to_subscribe(self, email: str) -> None:
        """What the website's form writes: an inactive subscription that nobody ever changed."""
        self.ask(
            "INSERT INTO marketing_email (email, list_, active, email_token, create_uid,"
            " create_date) VALUES (%s, %s, false, %s, 0, now() AT TIME ZONE 'UTC')",
            email,
            int(self.lists()["Everybody"]),
            f"token of {email}",
        )

    def owner_adds(self, email: str) -> None:
        """The owner types a party in, and subscribes it."""
        mechanism = {"type": "email", "value": email}
        party = {"name": "Typed In", "contact_mechanisms": [["create", [mechanism]]]}
        self.as_owner("party.party.create", [party])
        everybody = int(self.lists()["Everybody"])
        self.as_owner("marketing.email.create", [{"email": email, "list_": everybody}])

    def lists(self) -> dict[str, str]:
        """The ids of the mailing lists, by their names."""
        rows = self.ask("SELECT name, id FROM marketing_email_list")
        return {name: str(list_id) for name, list_id in rows}

    def add_list(self, name: str) -> str:
        """The owner makes a mailing list; returns its id."""
        (made,) = self.as_owner("marketing.email.list.create", [{"name": name}])
        return str(made)

    def staff_replaces(self, code: str, by: str) -> None:
        """Staff replaces a party by another with Tryton's wizard, which moves its addresses."""
        found = {name: each for name, each in self.ask("SELECT code, id FROM party_party")}  # noqa: C416
        both = [found[code], found[by]]
        self.as_owner("party.party.write", both, {"name": "One Person"})  # or it would ask first
        wizard, *_ = self._rpc("wizard.party.replace.create", {})
        ask = {"ask": {"source": both[0], "destination": both[1]}}
        self._rpc("wizard.party.replace.execute", wizard, ask, "replace", {})

    def staff_archives(self, code: str) -> None:
        """Staff archives a party."""
        self.ask("UPDATE party_party SET active = false WHERE code = %s", code)

    def forbid_name(self, name: str) -> None:
        """The owner makes a rule against parties of a name."""
        rule = {"domain": f'[["name", "!=", "{name}"]]'}
        group = {"name": "no such name", "model": "party.party", "global_p": True}
        self.as_owner("ir.rule.group.create", [{**group, "rules": [["create", [rule]]]}])

    def staff_confirms(self, reference: str) -> None:
        """Staff goes on with a sale."""
        self.ask("UPDATE sale_sale SET state = 'confirmed' WHERE reference = %s", reference)

    def sales(self) -> dict[str, tuple[str, Decimal]]:
        """State and amount of each sale, by its reference."""
        rows = self.as_owner(
            "sale.sale.search_read", [], 0, None, None, ["reference", "state", "untaxed_amount"]
        )
        return {
            row["reference"]: (row["state"], Decimal(row["untaxed_amount"]["decimal"]))
            for row in rows
        }

    def notes(self) -> list[str]:
        """The text of every note."""
        return [message for (message,) in self.ask("SELECT message FROM ir_note")]

    def expire_session(self) -> None:
        """End whoever is signed in, the owner apart."""
        self.ask("DELETE FROM ir_session WHERE create_uid = %s", self.our_user)

    def as_owner(self, method: str, *params: Any) -> Any:
        """Call a model as the owner does in Tryton's client."""
        return self._rpc(f"model.{method}", *params, {"company": self.company or None})

    def sign_owner_in(self) -> None:
        """Sign the owner in for the whole test run."""
        params = [_OWNER, {"password": _OWNERS_PASSWORD}, "en"]
        user_id, token, *_ = self._rpc("common.db.login", *params)
        self._owner = base64.b64encode(f"{_OWNER}:{user_id}:{token}".encode()).decode()

    def _rpc(self, method: str, *params: Any) -> Any:
        answer = requests.post(
            f"{self.url}/{DATABASE}/rpc/",
            json={"id": 1, "method": method, "params": params},
            headers={"Authorization": f"Session {self._owner}"} if self._owner else {},
            timeout=60,
        )
        answer.raise_for_status()
        body = answer.json()
        assert "result" in body, f"{method}: {body}"
        return body["result"]


@contextlib.contextmanager
def real_tryton(folder: Path) -> Iterator[RealTryton]:
    """Install, set up and start a Tryton; skips where PyPI can't be reached.

    Args:
        folder: An empty folder, which may be deleted afterwards.
    """
    programs = installed(sys.executable, folder / "venv", PACKAGES)
    port = free_port()
    with running_server(folder / "database", durable=False) as server:
        dsn = server.create_database(DATABASE)
        address = conninfo_to_dict(dsn)
        settings = folder / "trytond.conf"
        user, password = address["user"], address["password"]
        settings.write_text(
            f"[database]\nuri = postgresql://{user}:{password}@127.0.0.1:{address['port']}/\n"
            f"[web]\nlisten = 127.0.0.1:{port}\n[session]\nauthentications = password\n"
        )
        (folder / "password").write_text(_OWNERS_PASSWORD)
        environment = {**os.environ, "TRYTONPASSFILE": str(folder / "password")}
        admin = [str(programs / "trytond-admin"), "-c", str(settings), "-d", DATABASE]
        run(
            [*admin, "--all", "--email", "owner@shop.example", "-l", "en", "-p"],
            folder,
            environment,
        )
        modules = ["party", "sale", "marketing_email"]
        run([*admin, "-u", *modules, "--activate-dependencies"], folder, environment)
        command = [str(programs / "trytond"), "-c", str(settings), "-d", DATABASE]
        with running(command, folder, environment, lambda: answers(port)):
            real = RealTryton(f"http://127.0.0.1:{port}", dsn)
            set_up(real)
            yield real


def set_up(real: RealTryton) -> None:
    """What the owner does once: a currency, the company, and a user for us."""
    real.sign_owner_in()
    digits = {"digits": 2, "rounding": {"__class__": "Decimal", "decimal": "0.01"}}
    (euro,) = real.as_owner(
        "currency.currency.create", [{"name": "Euro", "code": "EUR", "symbol": "€", **digits}]
    )
    (party,) = real.as_owner("party.party.create", [{"name": "Corner Shop"}])
    (real.company,) = real.as_owner("company.company.create", [{"party": party, "currency": euro}])
    groups = real.as_owner(
        "res.group.search", [["name", "in", ["Marketing", "Sales"]]], 0, None, None
    )
    companies = {"companies": [["add", [real.company]]], "company": real.company}
    user = {"name": "ShopCRM", "login": _USER, "password": _PASSWORD, **companies}
    (real.our_user,) = real.as_owner("res.user.create", [{**user, "groups": [["add", groups]]}])
    owner = real.as_owner("res.user.search", [["login", "=", _OWNER]], 0, None, None)
    real.as_owner("res.user.write", owner, companies)
    ((real.shipped_rules,),) = real.ask(
        "SELECT greatest((SELECT max(id) FROM ir_rule), (SELECT max(id) FROM ir_rule_group))"
    )
