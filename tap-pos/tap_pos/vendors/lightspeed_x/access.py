"""Who may read: a personal token, or an OAuth pair whose refresh token changes with each use."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError
from tap_pos.http import HttpClient
from tap_pos.tokens import Issued, RotatingTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings

_PATH = "/api/1.0/token"
_TOO_MANY = 429
_REFUSALS = {400, 401, 403}
# What the vendor says is 86,400 s; its own examples show a week. Either way the answer tells.
_DAY = 86_400.0


class Access(Protocol):
    """Gives the token that a request carries."""

    def token(self) -> str:
        """Give a token that should be good."""

    def renewed(self, refused: str) -> str | None:
        """Give another token in place of a refused one; None if there is no other."""


class PersonalToken:
    """A token of a Plus plan, as it is.

    Args:
        token: The secret.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        """Give the token."""
        return self._token

    def renewed(self, refused: str) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Give none: there is no other."""
        return None


class OAuthPair:
    """An access token that is renewed with a rotating refresh token.

    Args:
        shop: The shop's settings.
        headers: What every request carries.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, headers: Mapping[str, str], limits: Limits) -> None:
        self._shop = shop
        self._http = _TokenEndpoint(
            shop.base_url, auth=None, headers=headers, limits=limits, who=f"Shop '{shop.id}'"
        )
        self._tokens = RotatingTokens(
            shop.id, Path(shop.token_file), shop.refresh_token, self._exchange
        )

    def token(self) -> str:
        """Give the access token, renewed if it is about to expire."""
        return self._tokens.access_token()

    def renewed(self, refused: str) -> str | None:
        """Give a new access token, or the one that somebody else has got meanwhile."""
        return self._tokens.renewed(refused)

    def _exchange(self, refresh_token: str) -> Issued:
        """Ask the token endpoint for a new pair, which revokes the old one."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self._shop.client_id,
            "client_secret": self._shop.client_secret,
        }
        try:
            reply = self._http.request(
                "POST",
                _PATH,
                msgspec.json.Decoder(_Pair).decode,
                body=urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
        except msgspec.ValidationError:
            raise self._not_understood("a pair of tokens this tap can't read") from None
        if reply.content is not None:
            pair = reply.content
            return Issued(
                pair.access_token,
                pair.refresh_token or refresh_token,
                _DAY if pair.expires_in is None else pair.expires_in,
            )
        if reply.status in _REFUSALS:
            raise AccessDeniedError(
                f"Shop '{self._shop.id}': Lightspeed refuses the refresh token ({reply.status}): "
                "authorise the application again and set the shop's refresh_token to the new one.",
                ends_shop=True,
            )
        raise self._not_understood(f"{reply.status}")

    def _not_understood(self, what: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"Shop '{self._shop.id}': {self._http.host} answered the request for a new token with "
            f"{what}: check base_url."
        )


def access_of(shop: ShopSettings, headers: Mapping[str, str], limits: Limits) -> Access:
    """Choose the way in that the settings describe."""
    if shop.access_token:
        return PersonalToken(shop.access_token)
    return OAuthPair(shop, headers, limits)


class _Pair(Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None

    def __repr__(self) -> str:
        """Tell nothing secret."""
        return "_Pair()"


class _TokenEndpoint(HttpClient):
    """The token endpoint, which has a rate limit of its own and its own way to tell it."""

    def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        """Send once; put the instant of `X-RateLimit-Reset` where a client looks for it."""
        response = super()._exchange(method, path, params, body, headers)
        reset = response.headers.get("X-RateLimit-Reset", "")
        if response.status_code == _TOO_MANY and reset.isdecimal():
            moment = datetime.fromtimestamp(int(reset), tz=timezone.utc)
            response.headers.setdefault("Retry-After", moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        return response
