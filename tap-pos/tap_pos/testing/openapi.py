"""Holding requests and answers to a vendor's own OpenAPI 3 file."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Json = dict[str, Any]

_KEPT = (
    "type", "enum", "const", "minLength", "maxLength", "minimum", "maximum", "pattern",
    "required", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
_PLACE = "urn:vendor"
_MOST_SENTENCES = 5
_REFUSAL = 400


class OpenApi:
    """A vendor's API description, made fit for a JSON Schema validator.

    OpenAPI 3.0 is not JSON Schema: `nullable` becomes a choice with null, and keys beside a
    `$ref` are dropped. Objects are closed, so that a field the vendor does not know is told;
    one that is put together by `allOf` is closed as a whole.

    Args:
        file: The description, JSON or YAML.
        below: Path before the description's own paths, such as ``/api/2.0``.
    """

    def __init__(self, file: Path, below: str = "") -> None:
        text = file.read_text("utf-8")
        self._document: Json = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
        self._below = below
        named = self._document.get("components", {}).get("schemas", {})
        contents: Any = {
            "closed": {name: _schema(schema, closed=True) for name, schema in named.items()},
            "open": {name: _schema(schema, closed=False) for name, schema in named.items()},
        }
        resource = Resource.from_contents(contents, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_PLACE, resource)
        self._validator = cache(self._make_validator)
        self._operation = cache(self._find_operation)

    def check_request(
        self, method: str, path: str, query: Mapping[str, Sequence[str]], body: Any = None
    ) -> list[str]:
        """Hold a request to the description.

        Args:
            method: Such as ``GET``.
            path: Without the query.
            query: Each parameter with all its values, as `Request.query` has them.
            body: The decoded JSON body; None if there is none.

        Returns:
            One sentence per violation; empty if all is well.
        """
        where = f"{method} {path}"
        if (operation := self._operation(method, path)) is None:
            return [f"{where}: there is no such request"]
        described = {
            each["name"]: each for each in operation["parameters"] if each["in"] == "query"
        }
        found = [f"{where}: no parameter is called {name}" for name in query.keys() - described]
        for name, parameter in described.items():
            if name in query:
                found += self._check_values(f"{where}: parameter {name}", parameter, query[name])
            elif parameter.get("required"):
                found.append(f"{where}: the parameter {name} is missing")
        schema = _json_schema(self._resolved(operation.get("requestBody") or {}))
        if schema is not None and body is not None:
            found += self._check_value(f"{where}: body", schema, body)
        elif body is not None:
            found.append(f"{where}: it takes no JSON body")
        elif schema is not None and self._resolved(operation["requestBody"]).get("required"):
            found.append(f"{where}: the body is missing")
        return found

    def check_answer(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Hold an answer to the description. Refusals it does not describe pass.

        Returns:
            One sentence per violation; empty if all is well.
        """
        where = f"{method} {path} -> {status}"
        if (operation := self._operation(method, path)) is None:
            return [f"{where}: there is no such request"]
        responses = operation["responses"]
        for name in (str(status), f"{status // 100}XX", "default"):
            if name in responses:
                schema = _json_schema(self._resolved(responses[name]))
                return [] if schema is None else self._check_value(where, schema, body)
        return [] if status >= _REFUSAL else [f"{where}: no such status is described"]

    def _check_values(self, where: str, parameter: Json, values: Sequence[str]) -> list[str]:
        """Check a query parameter, whose values arrive as texts whatever their type."""
        schema = self._resolved(parameter.get("schema") or {})
        if schema.get("type") == "array":
            exploded = parameter.get("explode", True)
            parts = list(values) if exploded else [p for value in values for p in value.split(",")]
            kind = self._resolved(schema.get("items") or {}).get("type")
            return self._check_value(where, schema, [_typed(part, kind) for part in parts])
        if len(values) != 1:
            return [f"{where} is given {len(values)} times"]
        return self._check_value(where, schema, _typed(values[0], schema.get("type")))

    def _check_value(self, where: str, schema: Json, value: Any) -> list[str]:
        validator = self._validator(json.dumps(schema, default=str))
        return [
            f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error, _ in zip(validator.iter_errors(value), range(_MOST_SENTENCES), strict=False)
        ]

    def _make_validator(self, schema: str) -> Draft202012Validator:
        return Draft202012Validator(
            _schema(json.loads(schema), closed=True), registry=self._registry
        )

    def _find_operation(self, method: str, path: str) -> Json | None:
        """Find what describes a request; a literal path goes before one with placeholders."""
        if not path.startswith(self._below):
            return None
        rest = path[len(self._below) :]
        for template in sorted(self._document["paths"], key=lambda each: each.count("{")):
            pattern = "".join(
                "[^/]+" if part.startswith("{") else re.escape(part)
                for part in re.split(r"(\{[^}]+\})", template)
            )
            item = self._document["paths"][template]
            if method.lower() in item and re.fullmatch(pattern, rest):
                operation: Json = item[method.lower()]
                listed = [*item.get("parameters", ()), *operation.get("parameters", ())]
                return {**operation, "parameters": [self._resolved(each) for each in listed]}
        return None

    def _resolved(self, node: Json) -> Json:
        """Follow a reference to another part of the description."""
        while "$ref" in node:
            target: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node


def _json_schema(holder: Json) -> Json | None:
    """Find the schema of a JSON body."""
    for kind, content in holder.get("content", {}).items():
        if "json" in kind:
            schema: Json | None = content.get("schema")
            return schema
    return None


def _typed(text: str, kind: Any) -> Any:
    """Read a parameter as what it should be; what it can't be stays a text and is told."""
    if kind in {"integer", "number", "boolean"}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _schema(node: Any, *, closed: bool) -> Any:
    """Turn an OpenAPI schema into JSON Schema."""
    if not isinstance(node, dict):
        return node
    nullable = node.get("nullable", False)
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1].replace("~1", "/")
        schema: Json = {"$ref": f"{_PLACE}#/{'closed' if closed else 'open'}/{name}"}
    else:
        schema = {key: node[key] for key in _KEPT if key in node}
        schema.update(_parts(node, closed=closed))
    if not nullable:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _parts(node: Json, *, closed: bool) -> Iterator[tuple[str, Any]]:
    """Turn the schemas within a schema."""
    if "items" in node:
        yield "items", _schema(node["items"], closed=True)
    for key in ("oneOf", "anyOf"):
        if key in node:
            yield key, [_schema(each, closed=closed) for each in node[key]]
    if "allOf" in node:
        yield "allOf", [_schema(each, closed=False) for each in node["allOf"]]
    if "properties" in node:
        properties = node["properties"].items()
        yield "properties", {key: _schema(each, closed=True) for key, each in properties}
    more = node.get("additionalProperties")
    if isinstance(more, dict):
        yield "additionalProperties", _schema(more, closed=True)
    elif more is False or (more is None and closed and ("properties" in node or "allOf" in node)):
        yield ("unevaluatedProperties" if "allOf" in node else "additionalProperties"), False
