"""What Shopify's errors mean, and what to do about each.

Shopify answers 200 to a query it could not serve and lists what went wrong in `errors`.
Their messages are not repeated: they may quote what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tap_pos.errors import AccessDeniedError, RegisterUnavailableError, UnexpectedAnswerError
from tap_pos.vendors.texts import error_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_pos.errors import ShopError
    from tap_pos.vendors.shopify.queries import Query

_UNAUTHORIZED, _PAYMENT_REQUIRED, _FORBIDDEN, _NOT_FOUND, _LOCKED = 401, 402, 403, 404, 423
_FIRST_REDIRECT, _FIRST_CLIENT_ERROR = 300, 400
_DETAILS = {"staffMember", "unitCost"}
_SCOPES = {
    "customer": "read_customers",
    "product": "read_products",
    "variant": "read_products",
    "inventoryItem": "read_products",
    "retailLocation": "read_locations",
}


class ErrorExtensions(Struct):
    """What a program may rely on in an error."""

    code: str | None = None


class GraphQLError(Struct):
    """One thing that went wrong."""

    message: str = ""
    path: list[str | int] | None = None
    extensions: ErrorExtensions | None = None

    @property
    def code(self) -> str:
        """The kind of error; the oldest kind has only a message."""
        if self.extensions is not None and self.extensions.code:
            return error_code(self.extensions.code) or "no code"
        return "THROTTLED" if self.message == "Throttled" else "no code"

    @property
    def field(self) -> str:
        """The field it is about, without positions in lists."""
        names = (error_code(part) for part in self.path or () if isinstance(part, str))
        return ".".join(name for name in names if name) or "the query"

    @property
    def node(self) -> int | None:
        """The position of the one record it is about, if it is about one."""
        return next((part for part in self.path or () if isinstance(part, int)), None)

    @property
    def hides_detail(self) -> bool:
        """Whether it only says that staff or a cost may not be seen: records are whole without."""
        return self.code == "ACCESS_DENIED" and bool(_DETAILS.intersection(self.path or ()))


def denied(who: str, query: Query, error: GraphQLError) -> AccessDeniedError:
    """Name the scope that a field needs."""
    inner = next((part for part in reversed(error.path or ()) if part in _SCOPES), None)
    scope = _SCOPES[str(inner)] if inner else query.scope
    return AccessDeniedError(
        f"{who}: the access token may not read {error.field} (ACCESS_DENIED): grant the app the "
        f"scope {scope or 'it asks for'} (and, for a public app, access to protected customer "
        "data), or deselect the stream.",
        ends_shop=False,
    )


def refused(who: str, query: Query, errors: Sequence[GraphQLError]) -> UnexpectedAnswerError:
    """Say that Shopify does not serve a query, for a reason of its own."""
    first = errors[0]
    return UnexpectedAnswerError(
        f"{who}: Shopify refused the query {query.root or 'shop'} ({first.code} for "
        f"{first.field}): check api_version, and report it if it is right."
    )


def refused_request(who: str, host: str, status: int, version: str) -> ShopError:
    """Say what an HTTP status other than 200 means."""
    if status == _UNAUTHORIZED:
        return AccessDeniedError(
            f"{who}: Shopify refuses the access token (401): create a new one in the app's "
            "settings and set it as the shop's access_token.",
            ends_shop=True,
        )
    if status == _FORBIDDEN:
        return AccessDeniedError(
            f"{who}: Shopify refuses this app (403): check that it is still installed in the "
            "shop and that the access_token is its own.",
            ends_shop=True,
        )
    if status in {_PAYMENT_REQUIRED, _LOCKED}:
        return RegisterUnavailableError(
            f"{who}: Shopify has frozen or locked this shop ({status}): have its owner settle "
            "that in the Shopify admin, then run again; what was read so far is kept."
        )
    if status == _NOT_FOUND or _FIRST_REDIRECT <= status < _FIRST_CLIENT_ERROR:
        return UnexpectedAnswerError(
            f"{who}: {host} has no Admin API of version {version} ({status}): check that base_url "
            "is the shop's https://….myshopify.com address, and check api_version."
        )
    return UnexpectedAnswerError(
        f"{who}: Shopify refused a request with {status}: check the shop's settings, and report "
        "it if they are right."
    )
