"""One Mailchimp account: where its API is, and what a refusal means."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from target_shopcrm.destinations.http import Answer, CrmApi, Patience
from target_shopcrm.errors import ConfigurationError, CredentialsError, CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.settings import CrmSettings

NOT_FOUND, BAD_REQUEST = 404, 400
_UNAUTHORISED, _FORBIDDEN = 401, 403
_DATA_CENTRE = re.compile(r"-([a-z]{2,4}[0-9]{1,4})\Z")
_OUR_PATIENCE = Patience(answer=125.0)
"""Mailchimp itself gives a call up after 120 s; leaving earlier would only make us guess."""

_WORDS = frozenset(
    {"lists", "members", "events", "actions", "delete-permanent", "segments", "merge-fields"}
    | {"batches", "ecommerce", "stores", "orders", "products", "customers"}
)
"""What paths consist of, apart from ids."""

_Shape = TypeVar("_Shape")


class Account:
    """Calls to one account, one at a time: at most 10 connections are allowed, we need one.

    Args:
        settings: `api_key` (its ending such as ``-us19`` names the data centre), `audience_id`,
            and `api_url` if the API is elsewhere.
        patience: How long to wait.

    Raises:
        ConfigurationError: If the key names no data centre and no `api_url` is set.
    """

    def __init__(self, settings: CrmSettings, patience: Patience | None) -> None:
        # The user name of an API key may be anything (Mailchimp's Swagger: basicAuth).
        secret = base64.b64encode(f"shopcrm:{settings.api_key}".encode()).decode()
        self.api = CrmApi(
            "Mailchimp",
            settings.api_url or _default_url(settings.api_key),
            secret_headers={"Authorization": f"Basic {secret}"},
            patience=patience or _OUR_PATIENCE,
            is_throttled=_is_throttled,
        )
        self.audience = f"/lists/{quote(settings.audience_id or '', safe='')}"

    def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Make a call.

        Args:
            method: HTTP method.
            path: Below the API's address.
            json: What to send.
            params: Query parameters.
            repeatable: Whether doing it twice is the same as doing it once.

        Returns:
            An answer with 2xx, 400 or 404; what the last two mean depends on the call.

        Raises:
            CredentialsError: If the key is refused, or may not do this.
            CrmContractError: If the API doesn't promise this answer.
            CrmUnavailableError: If Mailchimp doesn't recover in time.
            UncertainError: If the call isn't repeatable and may have been carried out.
        """
        answer = self.api.call(method, path, json=json, params=params, repeatable=repeatable)
        if answer.status == _UNAUTHORISED:
            raise CredentialsError(
                "Mailchimp refused the api_key: set a valid one (Account, Extras, API keys), then"
                " run again."
            )
        if answer.status == _FORBIDDEN:
            raise CredentialsError(
                "Mailchimp's api_key may not do what is needed: make it as a user with the role"
                " Manager, Admin or Owner, then run again."
            )
        if not answer.ok and answer.status not in {BAD_REQUEST, NOT_FOUND}:
            raise self.api.unexpected(f"{method} {_kind(path)}", answer)
        return answer

    def read(
        self,
        path: str,
        shape: type[_Shape],
        params: Mapping[str, str] | None = None,
        *,
        missing: str,
    ) -> _Shape:
        """Read something that has to be there.

        Args:
            path: What.
            shape: How it looks.
            params: Query parameters.
            missing: The sentence for the case that it isn't there.

        Returns:
            The decoded answer.

        Raises:
            CrmSetupError: If it isn't there.
            CrmContractError: If it looks different.
        """
        answer = self.call("GET", path, params=params)
        if answer.status == NOT_FOUND:
            raise CrmSetupError(missing)
        return self.decoded(answer, shape, f"GET {_kind(path)}")

    def decoded(self, answer: Answer, shape: type[_Shape], what: str) -> _Shape:
        """Decode a successful answer.

        Args:
            answer: The answer.
            shape: How its body should look.
            what: The call, for a message.

        Returns:
            The decoded body.

        Raises:
            CrmContractError: If the answer is none, or looks different.
        """
        if not answer.ok:
            raise self.api.unexpected(what, answer)
        try:
            return msgspec.convert(answer.body, shape)
        except msgspec.ValidationError:  # its text may quote what was sent
            raise self.api.unexpected(what, answer) from None


def _default_url(api_key: str) -> str:
    found = _DATA_CENTRE.search(api_key)
    if not found:
        raise ConfigurationError(
            "Mailchimp's api_key must end in its data centre, such as -us19; copy the whole key,"
            " or set api_url as well."
        )
    return f"https://{found[1]}.api.mailchimp.com/3.0"


def _is_throttled(answer: Answer) -> bool:
    """Under high load Mailchimp turns calls away with a 403 that has no JSON body."""
    return answer.status == _FORBIDDEN and answer.body is None


def _kind(path: str) -> str:
    """A path without what it is about: hashes and ids say whom."""
    return "/".join(part if not part or part in _WORDS else "…" for part in path.split("/"))
