"""An Odoo behind JSON-RPC: who may ask, what is answered, how rows are written.

Like Odoo it answers every failure with HTTP 200 and an error by the exception's name.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.conformance import ConformingFake
from tap_pos.testing.fake import Answer, Request, Row
from tap_pos.testing.fakes.odoo_models import Database, Model, OdooError, moment
from tap_pos.testing.fakes.odoo_schema import models
from tap_pos.testing.fakes.odoo_specification import OdooSpecification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def fault(name: str) -> Answer:
    """Make the answer to a call that raised on the server."""
    error = {"code": 200, "message": "Odoo Server Error", "data": {"name": name, "message": "x"}}
    return Answer(body={"jsonrpc": "2.0", "id": 1, "error": error})


class OdooServer(ConformingFake):
    """An empty database, and the server in front of it."""

    vendor: ClassVar[str] = "odoo"
    lookback: ClassVar[timedelta] = timedelta(minutes=10)

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self.passwords = {"till@example.com": "api-key"}
        self.unreadable: set[str] = set()
        self.database = Database(models(), lambda: self.now)
        self._transactions = 0
        self._check: OdooSpecification | None = None
        self.began_at = self.now

    def expire_cursors(self) -> None:
        """Do nothing: Odoo gives out no cursors."""

    # --- the server -----------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer one call."""
        if request.path != "/jsonrpc":
            return Answer(404, b"<html>not found</html>")
        called = request.json()["params"]
        try:
            if called["service"] == "common":
                result: Any = self._authenticate(*called["args"])
            else:
                result = self._execute(*called["args"])
        except OdooError as error:
            return fault(str(error))
        return Answer(body={"jsonrpc": "2.0", "id": request.json()["id"], "result": result})

    def _authenticate(self, database: str, login: str, password: str, _agent: Row) -> int | bool:
        if database != "shop":
            raise OdooError("psycopg2.OperationalError")
        return 2 if self.passwords.get(login) == password else False

    def _execute(  # noqa: PLR0913, PLR0917 - execute_kw's own parameters
        self,
        database: str,
        user: int,
        password: str,
        model: str,
        method: str,
        args: list[Any],
        keywords: Row,
    ) -> Any:
        if database != "shop" or user != 2 or password not in self.passwords.values():  # noqa: PLR2004 - the one user
            raise OdooError("odoo.exceptions.AccessDenied")
        if model not in self.database.models:
            raise OdooError("odoo.exceptions.UserError")
        result = self._result(model, method, keywords)
        if self._check is not None:
            self._check.call(model, method, args, keywords, result)
        return result

    def _result(self, model: str, method: str, keywords: Row) -> Any:
        kept = self.database.models[model]
        if method == "fields_get":
            return {name: {"type": kind.partition(":")[0]} for name, kind in kept.types.items()}
        if model in self.unreadable:
            raise OdooError("odoo.exceptions.AccessError")
        rows = self.database.search(model, keywords, self.page_size)
        if method == "search":
            return [row["id"] for row in rows]
        names = keywords["fields"]
        return [self.database.shown(model, row, names) for row in rows]

    @contextmanager
    def specification(self) -> Iterator[None]:
        """Hold every call and answer to the fields of a real Odoo 17."""
        self._check = self._check or OdooSpecification()
        yield

    @property
    def violations(self) -> list[str]:
        """What broke the specification."""
        return [] if self._check is None else self._check.violations

    # --- writing, each action in a transaction of its own ---------------------------------

    def begin(self) -> datetime:
        """Begin a transaction: what it writes is dated by its beginning, to the microsecond."""
        self._transactions += 1
        microsecond = self._transactions * 137_911 % 1_000_000
        self.began_at = self.now.replace(microsecond=microsecond)
        return self.began_at

    def create(self, model: str, **row: Any) -> int:
        """Insert a row in the transaction that began last."""
        at = self.began_at
        return self.database.put(
            model, {"create_date": at, "write_date": at, **row}, self.now + self.lag
        )

    def write(self, model: str, key: int, **changes: Any) -> None:
        """Change a row in the transaction that began last."""
        before = self.database.latest(model, key) or {}
        changed = {**before, "write_date": self.began_at, **changes}
        self.database.put(model, changed, self.now + self.lag)

    def patch(self, model: str, key: int, **changes: Any) -> None:
        """Change a row by plain SQL, which leaves `write_date` as it is."""
        before = self.database.latest(model, key) or {}
        self.database.put(model, {**before, **changes}, self.now + self.lag)

    def add_model(self, model: str, **types: str) -> None:
        """Install a module that brings a model."""
        self.database.add(model, Model(types))

    def adopt(self, model: str, types: Mapping[str, str], rows: list[Row]) -> None:
        """Hold a model as another Odoo has it: its fields, and rows as that one showed them."""
        self.database.add(model, Model(dict(types)))
        for row in rows:
            stored = {
                name: moment(value) if value and types[name] == "datetime" else value
                for name, value in row.items()
            }
            self.database.put(model, stored, self.now)
