"""Tryton's JSON-RPC: signing in, calling a model, and what an answer means."""

from __future__ import annotations

import base64
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from target_shopcrm.destinations.http import CrmApi
from target_shopcrm.errors import CredentialsError, CrmSetupError

if TYPE_CHECKING:
    from target_shopcrm.destinations.http import Answer, Patience
    from target_shopcrm.settings import CrmSettings

Row = dict[str, Any]
Domain = list[Any]

ANY_STATE = ["active", "in", [True, False]]
"""Without it a search leaves out what isn't active."""

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_PAGE = 1000
_NO_ACCESS = "You are not allowed to access"
_LANGUAGE = {"language": "en"}
"""Errors are sentences in the user's language; ours have to be the same everywhere."""


class RefusedError(Exception):
    """Tryton refused a call, and did none of it.

    Args:
        message: Tryton's sentence. It may quote a record: never to be shown or stored.
    """

    def __init__(self, message: str) -> None:
        super().__init__("Tryton refused a record")
        self.message = message


class MissingModelError(Exception):
    """The module that a model belongs to isn't activated."""


class _Session(NamedTuple):
    user_id: int
    header: str


class TrytonRpc:
    """Calls to one database of one Tryton, as one user.

    Args:
        settings: Needs `api_url`, `database`, `username` and `api_key`, the password.
        patience: How long to wait.
    """

    def __init__(self, settings: CrmSettings, patience: Patience | None) -> None:
        self._settings = settings
        self._path = f"/{quote(settings.database or '', safe='')}/rpc/"
        self._session: _Session | None = None
        self._api = CrmApi(
            "Tryton",
            settings.api_url or "",
            headers={"Accept-Encoding": "gzip"},
            patience=patience,
            is_throttled=_is_conflict,
        )

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._api.calls

    @property
    def user_id(self) -> int:
        """Our user's id; signs in if need be."""
        return self._signed_in().user_id

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()

    def call(self, method: str, *params: object, repeatable: bool = True) -> Any:
        """Call a method of a model.

        Args:
            method: Such as ``party.party.create``.
            params: Its parameters without the context.
            repeatable: Whether doing it twice is the same as doing it once.

        Returns:
            The decoded result.

        Raises:
            RefusedError: If Tryton refuses; then nothing of it was done.
            MissingModelError: If the model isn't there.
            UncertainError: If the call isn't repeatable and may have been carried out.
            DestinationError: If Tryton can't be used.
        """
        asked = {"id": 1, "method": f"model.{method}", "params": [*params, _LANGUAGE]}
        answer = self._posted(asked, repeatable=repeatable)
        if answer.status == _UNAUTHORIZED:  # the session has ended; nothing was done
            self._session = None
            answer = self._posted(asked, repeatable=repeatable)
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise self._no_right()
        body = answer.body
        if answer.ok and isinstance(body, dict) and "error" in body:
            raise self._refusal(method, body["error"], answer)
        if not answer.ok or not isinstance(body, dict) or "result" not in body:
            raise self._api.unexpected(method, answer)
        return decoded(body["result"])

    def search(self, model: str, domain: Domain, fields: list[str]) -> list[Row]:
        """Read all records that match, page by page, by their ids.

        Args:
            model: Such as ``party.party``.
            domain: What has to hold; inactive ones only where it says so.
            fields: What to read of them.

        Returns:
            The records.
        """
        found: list[Row] = []
        while True:
            after = [["id", ">", found[-1]["id"]]] if found else []
            page = self.call(
                f"{model}.search_read", [*_sent(domain), *after], 0, _PAGE, [["id", "ASC"]], fields
            )
            found += page
            if len(page) < _PAGE:
                return found

    def _posted(self, asked: Row, *, repeatable: bool) -> Answer:
        headers = {"Authorization": self._signed_in().header}
        return self._api.call(
            "POST", self._path, json=asked, headers=headers, repeatable=repeatable
        )

    def _signed_in(self) -> _Session:
        if self._session is None:
            self._session = self._sign_in()
        return self._session

    def _sign_in(self) -> _Session:
        settings = self._settings
        params = [settings.username, {"password": settings.api_key}, "en"]
        asked = {"id": 1, "method": "common.db.login", "params": params}
        answer = self._api.call("POST", self._path, json=asked)
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise CredentialsError(
                f"Tryton at {self._api.host} doesn't let the user of the setting username sign"
                " in: correct username and api_key, its password, then run again."
            )
        if answer.status == _NOT_FOUND:
            raise CrmSetupError(
                f"Tryton at {self._api.host} has no database of the name in the setting database:"
                " correct it, then run again."
            )
        if not answer.ok or not isinstance(answer.body, dict) or "result" not in answer.body:
            raise self._api.unexpected("common.db.login", answer)
        user_id, token = answer.body["result"][:2]
        secret = f"{settings.username}:{user_id}:{token}".encode()
        return _Session(int(user_id), f"Session {base64.b64encode(secret).decode()}")

    def _refusal(self, method: str, error: Any, answer: Answer) -> Exception:
        kind, detail = [*(error if isinstance(error, list) else ()), "", ""][:2]
        if kind in {"UserError", "UserWarning"}:
            message = " ".join(str(part) for part in detail if part)
            return self._no_right() if message.startswith(_NO_ACCESS) else RefusedError(message)
        if kind == f"'{method.rpartition('.')[0]}'":
            return MissingModelError(method)
        return self._api.unexpected(method, answer)

    def _no_right(self) -> CredentialsError:
        return CredentialsError(
            f"Tryton at {self._api.host} doesn't give the user of the setting username access to"
            " what is needed: put it into the groups Marketing and Sales, then run again."
        )


def encoded(value: object) -> object:
    """A value as Tryton's JSON has it: dates and decimals are objects.

    Args:
        value: A date, a decimal, or what JSON knows itself.

    Returns:
        What to send.
    """
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        at = value.astimezone(timezone.utc)
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{name: getattr(at, name) for name in parts}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    return value


def decoded(value: Any) -> Any:
    """A result as Python has it; Tryton's times are UTC."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    parts = {name: part for name, part in value.items() if name != "__class__"}
    kind = value.get("__class__")
    if kind == "Decimal":
        return Decimal(parts["decimal"])
    if kind == "datetime":
        return datetime(**parts, tzinfo=timezone.utc)
    if kind == "date":
        return date(**parts)
    return {name: decoded(part) for name, part in parts.items()}


def _sent(domain: Domain) -> Domain:
    return [_sent(each) if isinstance(each, list) else encoded(each) for each in domain]


def _is_conflict(answer: Answer) -> bool:
    """Whether two transactions met; the one that lost was rolled back."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    return isinstance(error, list) and error[:1] == ["ConcurrencyException"]
