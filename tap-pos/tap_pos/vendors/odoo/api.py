"""Odoo's way of asking: JSON-RPC, where every failure is an HTTP 200 that holds an error.

The secret travels in the body of each call. Lists are read by ascending id, each page
starting after the last id of the one before, until a page is empty: nothing that changes,
appears or goes away in the meantime moves any other row to another page.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError
from tap_pos.http import HttpClient, Transient
from tap_pos.pacing import Pace
from tap_pos.vendors.odoo.wire import Row
from tap_pos.vendors.pages import ListDecoder, Page
from tap_pos.vendors.texts import error_code, required_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.odoo.wire import Text
    from tap_pos.windows import Window

T = TypeVar("T")
R = TypeVar("R", bound=Row)
Domain = list[Any]

_PAGE, _CHUNK = 500, 200
_TIME = "%Y-%m-%d %H:%M:%S"
_CONTEXT: Mapping[str, Any] = {"active_test": False}
# A row that somebody else holds, a database that restarts, a server that lost its session.
_PASSING = {
    "odoo.http.SessionExpiredException",
    "odoo.sql_db.PoolError",
    "psycopg2.InterfaceError",
    "psycopg2.OperationalError",
    "psycopg2.pool.PoolError",
    "psycopg2.errors.AdminShutdown",
    "psycopg2.errors.DeadlockDetected",
    "psycopg2.errors.LockNotAvailable",
    "psycopg2.errors.QueryCanceled",
    "psycopg2.errors.SerializationFailure",
}
# What Odoo says of a model that no installed module brings.
_NO_SUCH_MODEL = {
    "odoo.exceptions.UserError",
    "builtins.KeyError",
    "werkzeug.exceptions.NotFound",
}


class _ErrorData(Struct):
    name: str = ""

    @property
    def kind(self) -> str:
        """The name, for a message."""
        return error_code(self.name) or "no name"


class _Error(Struct):
    data: _ErrorData = msgspec.field(default_factory=_ErrorData)


class _Envelope(Struct):
    """An answer. An error's message is left out: it may quote what somebody typed."""

    jsonrpc: str
    result: Raw = Raw(b"null")
    error: _Error | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_IDS = msgspec.json.Decoder(list[int])
_FIELDS = msgspec.json.Decoder(dict[str, Any])
_USER = msgspec.json.Decoder(int | bool)


class OdooApi:
    """Asks one Odoo database on behalf of one shop.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.

    Raises:
        ShopError: If the database, the user or the password is refused.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._who = f"Shop '{shop.id}'"
        self._http = HttpClient(
            shop.base_url,
            auth=None,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            limits=limits,
            who=self._who,
            pace=Pace(shop.requests_per_minute) if shop.requests_per_minute else None,
        )
        self._fields: dict[str, frozenset[str]] = {}
        self._decoders: dict[type[Row], ListDecoder[Any]] = {}
        self._user, self.date = self._log_in()

    def has(self, model: str) -> bool:
        """Tell whether this Odoo has a model at all."""
        return bool(self.fields(model))

    def fields(self, model: str) -> frozenset[str]:
        """Name the fields of a model that this user may see; none if there is no such model.

        Raises:
            ShopError: If Odoo can't be asked.
        """
        if model not in self._fields:
            found = self._execute(model, "fields_get", [], {"attributes": ["type"]})
            if isinstance(found, _Error):
                if found.data.name not in _NO_SUCH_MODEL:
                    raise self._refusal(found, model)
                self._fields[model] = frozenset()
            else:
                self._fields[model] = frozenset(self._decoded(_FIELDS.decode, found))
        return self._fields[model]

    def rows(
        self, model: str, kind: type[R], domain: Domain, most: int | None = None
    ) -> Iterator[Page[R]]:
        """Read every row of a model that meets a condition, archived ones too.

        Args:
            model: Such as ``pos.order``.
            kind: Its struct, which says what to read.
            domain: Odoo's condition.
            most: How many rows there can be, where that is known.

        Raises:
            ShopError: If the model can't be read.
        """
        fields = self._fields_of(model, kind)
        if kind not in self._decoders:
            self._decoders[kind] = ListDecoder(kind)
        decode: ListDecoder[R] = self._decoders[kind]
        last, seen = 0, 0
        while most is None or seen < most:
            query = {"domain": [*domain, ("id", ">", last)], "fields": fields}
            page = self._decoded(decode, self._list(model, "search_read", query))
            if not (page.items or page.bad):
                return
            last = self._last(page, model, last)
            seen += len(page.items) + len(page.bad)
            yield page

    def every(self, model: str, kind: type[R], domain: Domain) -> Page[R]:
        """Read what `rows` reads, as one page, where it is known to be little."""
        whole: Page[R] = Page([])
        for page in self.rows(model, kind, domain):
            whole.items.extend(page.items)
            whole.bad.extend(page.bad)
        return whole

    def having(
        self,
        model: str,
        kind: type[R],
        field: str,
        values: Iterable[int | str],
        also: Domain | None = None,
    ) -> Iterator[Page[R]]:
        """Read the rows of which a field is one of many values, some values at a time."""
        for chunk in chunks(values):
            most = len(chunk) if field == "id" else None
            yield from self.rows(model, kind, [(field, "in", chunk), *(also or [])], most)

    def ids(self, model: str, domain: Domain) -> Iterator[list[int]]:
        """List the ids of a model's rows, archived ones too, page by page."""
        last = 0
        while True:
            query = {"domain": [*domain, ("id", ">", last)]}
            found = self._decoded(_IDS.decode, self._list(model, "search", query))
            if not found:
                return
            last = found[-1]
            yield found

    def existing(self, model: str, ids: Iterable[str]) -> set[str]:
        """Tell which ids still exist."""
        return {
            str(identity)
            for chunk in chunks(int(identity) for identity in ids)
            for page in self.ids(model, [("id", "in", chunk)])
            for identity in page
        }

    def _fields_of(self, model: str, kind: type[Row]) -> list[str]:
        """Choose what to read: what the struct holds, as far as this Odoo has it."""
        known = self.fields(model)
        infos = msgspec.structs.fields(kind)
        missing = [info.encode_name for info in infos if info.required]
        missing = [name for name in missing if name not in known and name != "id"]
        if missing:
            raise UnexpectedAnswerError(
                f"{self._who}: this Odoo's {model} has no {' and no '.join(missing)}, or hides it "
                "from the user: this tap needs Odoo 17 or later with Point of Sale, and a user "
                "who may read it."
            )
        return [info.encode_name for info in infos if info.encode_name in known]

    def _list(self, model: str, method: str, query: dict[str, Any]) -> Raw:
        keywords = {**query, "order": "id", "limit": _PAGE, "context": _CONTEXT}
        found = self._execute(model, method, [], keywords)
        if isinstance(found, _Error):
            raise self._refusal(found, model)
        return found

    def _last(self, page: Page[R], model: str, last: int) -> int:
        """Find where the next page starts, whichever rows of this one are sound."""
        keys = [row.key for row in page.items]
        keys += [int(row.id) for row in page.bad if row.id and row.id.isdecimal()]
        if max(keys, default=0) <= last:
            raise UnexpectedAnswerError(
                f"{self._who}: {self._http.host} lists rows of {model} without their ids or out of "
                "order: check base_url, and report it if that is an Odoo."
            )
        return max(keys)

    def _log_in(self) -> tuple[int, datetime | None]:
        shop = self._shop
        args = [shop.database, shop.username, shop.access_token, {}]
        found, reply = self._call("common", "authenticate", args)
        if isinstance(found, _Error):
            raise UnexpectedAnswerError(
                f"{self._who}: Odoo can't open the shop's database ({found.data.kind}): "
                "check the settings database and base_url."
            )
        user = self._decoded(_USER.decode, found)
        if isinstance(user, bool):
            raise self._wrong_password()
        return user, reply.date

    def _execute(
        self, model: str, method: str, args: list[Any], keywords: Mapping[str, Any]
    ) -> Raw | _Error:
        shop = self._shop
        identity = [shop.database, self._user, shop.access_token]
        return self._call("object", "execute_kw", [*identity, model, method, args, keywords])[0]

    def _call(
        self, service: str, method: str, args: list[Any]
    ) -> tuple[Raw | _Error, Reply[Raw | _Error]]:
        parameters = {"service": service, "method": method, "args": args}
        body = {"jsonrpc": "2.0", "method": "call", "params": parameters, "id": 1}

        def decode(answer: bytes) -> Raw | _Error:
            found = _ENVELOPE.decode(answer)
            if found.error is None:
                return found.result
            if service == "object" and found.error.data.name in _PASSING:
                raise Transient(f"answered {found.error.data.name}")
            return found.error

        try:
            reply = self._http.request("POST", "/jsonrpc", decode, body=msgspec.json.encode(body))
        except msgspec.ValidationError:
            raise self._no_odoo("something else") from None
        if reply.content is None:
            raise self._no_odoo(str(reply.status))
        return reply.content, reply

    def _decoded(self, decode: Callable[[Raw], T], found: Raw) -> T:
        """Decode a result, which has the form that Odoo documents or is none of Odoo's."""
        try:
            return decode(found)
        except msgspec.ValidationError:
            raise self._no_odoo("something else") from None

    def _no_odoo(self, answered: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"{self._who}: {self._http.host} does not speak Odoo's JSON-RPC (it answered "
            f"{answered} at /jsonrpc): check base_url, which is the address without any path."
        )

    def _wrong_password(self) -> AccessDeniedError:
        return AccessDeniedError(
            f"{self._who}: Odoo refuses the user name or password: create an API key (Preferences, "
            "Account Security) and set it as access_token, with the user's login as username.",
            ends_shop=True,
        )

    def _refusal(self, error: _Error, model: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        name = error.data.name
        if name == "odoo.exceptions.AccessDenied":
            return self._wrong_password()
        if name == "odoo.exceptions.AccessError":
            return AccessDeniedError(
                f"{self._who}: the user may not read {model}: give the user a group that may "
                f"(access rights of {model}), or deselect the stream.",
                ends_shop=False,
            )
        return UnexpectedAnswerError(
            f"{self._who}: Odoo refused to list {model} ({error.data.kind}): check the shop's "
            "settings, and report it if they are right."
        )


def changed_in(window: Window) -> Domain:
    """Ask for what was written in a window.

    Odoo keeps microseconds but shows and takes whole seconds: "up to 12:00:00" would leave
    out what was written later in that second, so the whole second is asked for.
    """
    return [
        ("write_date", ">=", f"{window.start:{_TIME}}"),
        ("write_date", "<", f"{window.end + timedelta(seconds=1):{_TIME}}"),
    ]


def moment(value: Text, name: str) -> str:
    """Read a time that has to be there: naive, and always UTC.

    Raises:
        Unmappable: If it is missing or no time.
    """
    return required_instant(value.replace(" ", "T") + "Z" if isinstance(value, str) else "", name)


def optional_moment(value: Text, name: str) -> str | None:
    """Read a time that may be absent.

    Raises:
        Unmappable: If there is a text, but it is no time.
    """
    return moment(value, name) if value else None


def chunks(items: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    """Cut a list into pieces that one condition can name."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
