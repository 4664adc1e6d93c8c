"""Square's error envelope."""

from __future__ import annotations

import re

import msgspec


class SquareError(Exception):
    """A request that Square refuses: an HTTP status and one error of Square's vocabulary."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        category: str = "INVALID_REQUEST_ERROR",
    ) -> None:
        """Describe the refusal; `field` names the request's field, if one is to blame."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.category = category
        self.detail = detail
        self.field = field

    def body(self) -> bytes:
        """The envelope as JSON."""
        error = {"category": self.category, "code": self.code, "detail": self.detail}
        if self.field:
            error["field"] = self.field
        return msgspec.json.encode({"errors": [error]})


def bad_request(code: str, detail: str, field: str | None = None) -> SquareError:
    """A request that is wrong in itself (HTTP 400)."""
    return SquareError(400, code, detail, field=field)


def not_found(detail: str) -> SquareError:
    """Something that does not exist (HTTP 404)."""
    return SquareError(404, "NOT_FOUND", detail)


def not_copied(what: str, field: str) -> SquareError:
    """Something that Square can do and this register cannot: better refused than ignored."""
    detail = f"The practice register does not copy {what} of Square's API."
    return SquareError(501, "NOT_IMPLEMENTED", detail, field=field, category="API_ERROR")


_PLACE = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")
_CODES = [
    (re.compile(r"unknown field"), "UNKNOWN_QUERY_PARAMETER"),
    (re.compile(r"missing required field"), "MISSING_REQUIRED_PARAMETER"),
    (re.compile(r"Invalid enum value"), "INVALID_ENUM_VALUE"),
    (re.compile(r"RFC3339|timezone"), "INVALID_TIME"),
    (re.compile(r"`array` of length >="), "ARRAY_EMPTY"),
    (re.compile(r"`array` of length <="), "ARRAY_LENGTH_TOO_LONG"),
    (re.compile(r"`int` >="), "VALUE_TOO_LOW"),
    (re.compile(r"`int` <="), "VALUE_TOO_HIGH"),
    (re.compile(r"Expected `int"), "EXPECTED_INTEGER"),
    (re.compile(r"Expected `str"), "EXPECTED_STRING"),
    (re.compile(r"Expected `bool"), "EXPECTED_BOOLEAN"),
    (re.compile(r"Expected `array"), "EXPECTED_ARRAY"),
    (re.compile(r"Expected `object"), "EXPECTED_OBJECT"),
]


def wrong_shape(error: msgspec.ValidationError) -> SquareError:
    """Translate a failed validation into the error that Square answers."""
    text = str(error)
    place = _PLACE.search(text)
    named = re.search(r"field `([^`]+)`", text)
    field = place["field"] if place else ""
    if named:
        field = f"{field}.{named[1]}" if field else named[1]
    code = next((code for pattern, code in _CODES if pattern.search(text)), "INVALID_VALUE")
    plain = _PLACE.sub("", text).replace("`", "")
    return bad_request(code, f"{plain}.", field or None)
