"""Holding requests and answers to what a running WooCommerce said of itself.

Two recorded files, kept outside the repository: the index of all routes with their parameters,
and the schemas that some routes give to OPTIONS. They are WordPress' dialect of JSON Schema:
``date-time`` and ``mixed`` are types, and that a time may be null is not said.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tap_pos.testing.specifications import specification

if TYPE_CHECKING:
    from tap_pos.testing.fake import Answer, Request

_INDEX = "woocommerce/wc-v3-index.woo-8.4.0.json"
_SCHEMAS = "woocommerce/wc-v3-options-schemas.woo-8.4.0.json"
_BASE = "/wp-json"
# WordPress' own, understood by every route.
_GLOBAL_PARAMETERS = {"_fields"}
# In every answer of the recorded shop, though not in the schemas.
_UNDESCRIBED = {"_links", "currency_symbol", "parent_id"}
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "bool": (bool,),
    "array": (list,),
    "object": (dict,),
    "date-time": (str, type(None)),
    "mixed": (object,),
    "null": (type(None),),
}
_NOT_FOUND = 404
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)?").fullmatch


class WooCommerceSpecification:
    """The two recorded files.

    Args:
        index: The route index.
        schemas: The schemas by path.
    """

    def __init__(self, index: dict[str, Any], schemas: dict[str, Any]) -> None:
        self._routes = index["routes"]
        self._schemas = {
            re.sub(r"/1(/|$)", r"/\\d+\1", path): entry["schema"]["properties"]
            for path, entry in schemas.items()
        }

    @classmethod
    def find(cls) -> WooCommerceSpecification | None:
        """Read the files, if they are on this machine."""
        files = [specification(name) for name in (_INDEX, _SCHEMAS)]
        contents = [json.loads(file.read_text("utf-8")) for file in files if file is not None]
        return cls(*contents) if len(contents) == len(files) else None

    def check(self, request: Request, answer: Answer) -> list[str]:
        """Hold one exchange to the files; list what breaks them."""
        path = request.path.removeprefix(_BASE)
        if not path.startswith("/wc/"):
            return []
        route = next((name for name in self._routes if re.fullmatch(name, path)), None)
        if route is None:
            answered = answer.status == _NOT_FOUND and answer.body["code"] == "rest_no_route"
            return [] if answered else [f"{path}: no such route, but it was answered"]
        found = list(self._of_request(route, request))
        if answer.status < 400:  # noqa: PLR2004 - refusals have no schema
            found += self._of_answer(path.removeprefix("/wc/v3"), answer.body)
        return [f"{path}: {complaint}" for complaint in found]

    def _of_request(self, route: str, request: Request) -> list[str]:
        endpoints = self._routes[route]["endpoints"]
        described = [entry["args"] for entry in endpoints if "GET" in entry["methods"]]
        if request.method != "GET" or not described:
            return [f"no {request.method} is described"]
        arguments = described[0] or {}
        found = []
        for name, values in request.query.items():
            if name in _GLOBAL_PARAMETERS:
                continue
            if name not in arguments:
                found.append(f"no parameter is called {name}")
            elif complaint := _parameter(arguments[name], values[-1]):
                found.append(f"{name} {complaint}")
        return found

    def _of_answer(self, path: str, body: Any) -> list[str]:
        single = re.sub(r"/\d+$", "", path)
        for pattern, properties in self._schemas.items():
            if re.fullmatch(pattern, path) and isinstance(body, list):
                return [c for row in body for c in _object(properties, row, "")]
            if re.fullmatch(pattern, single) and isinstance(body, dict):
                return list(_object(properties, body, ""))
        return []


def _parameter(argument: dict[str, Any], text: str) -> str | None:
    """Check a query parameter, which is always a text; None if all is well."""
    kind, complaint = argument.get("type"), None
    if kind == "array":
        items = argument.get("items") or {}
        return next((c for one in text.split(",") if (c := _parameter(items, one))), None)
    if kind == "integer" and not re.fullmatch(r"-?\d+", text):
        complaint = "is not a whole number"
    elif kind == "integer" and not argument.get("minimum", -1) <= int(text) <= argument.get(
        "maximum", int(text)
    ):
        complaint = "is out of range"
    elif kind == "boolean" and text not in {"true", "false", "0", "1"}:
        complaint = "is neither true nor false"
    elif argument.get("enum") and text not in argument["enum"]:
        complaint = f"is none of {argument['enum']}"
    elif argument.get("format") == "date-time" and not _TIME(text):
        complaint = "is not a time"
    return complaint


def _object(properties: dict[str, Any], row: dict[str, Any], where: str) -> list[str]:
    """Check the fields of an object; one that is described nowhere is told."""
    found = []
    for name, value in row.items():
        if name in properties:
            found += _value(properties[name], value, f"{where}{name}")
        elif name not in _UNDESCRIBED:
            found.append(f"{where}{name} is not described")
    return found


def _value(schema: dict[str, Any], value: Any, where: str) -> list[str]:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    allowed = tuple(kind for name in kinds for kind in _TYPES[name])
    is_misplaced = isinstance(value, bool) and not {bool, object} & set(allowed)
    if is_misplaced or not isinstance(value, allowed):
        return [f"{where} is no {'/'.join(kinds)}"]
    if schema.get("enum") and value not in schema["enum"]:
        # Plugins add statuses, which the recorded shop had none of.
        return [] if where == "status" else [f"{where} is none of its choices"]
    if isinstance(value, dict) and "properties" in schema:
        return _object(schema["properties"], value, f"{where}.")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        items = schema["items"]
        if "properties" in items:
            return [c for one in value for c in _object(items["properties"], one, f"{where}.")]
    return []
