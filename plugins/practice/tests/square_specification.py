"""Checks requests and responses against Square's OpenAPI 3.0 file."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from pathlib import Path

_SQUARE = "urn:square"


class Specification:
    """Square's API description, made fit for a JSON Schema validator.

    OpenAPI 3.0 is not JSON Schema: `nullable` becomes a type or a choice with null, keys beside
    a `$ref` are dropped (3.0 says they are ignored), and objects are closed, so that a field
    that Square does not know is an error. Discriminators are not used by these paths.
    """

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text("utf-8"))
        self.paths: dict[str, Any] = document["paths"]
        schemas = {name: _schema(each) for name, each in document["components"]["schemas"].items()}
        contents: Any = {"components": {"schemas": schemas}}
        resource = Resource.from_contents(contents, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_SQUARE, resource)
        self._validator = lru_cache(maxsize=None)(self._make_validator)

    def check_schema(self, name: str, value: object) -> None:
        """Assert that `value` is a valid `name`."""
        errors = [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in self._validator(name).iter_errors(value)
        ]
        assert not errors, f"{name}: {errors[:5]}"

    def check_request(
        self, method: str, path: str, query: dict[str, str], body: object | None
    ) -> None:
        """Assert that a request is one that Square describes."""
        operation = self._operation(method, path)
        known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        assert set(query) <= known, set(query) - known
        if "requestBody" in operation:
            self.check_schema(_content_schema(operation["requestBody"]), body or {})

    def check_response(self, method: str, path: str, status: int, body: object) -> None:
        """Assert that a response is one that Square describes, error envelopes included."""
        operation = self._operation(method, path)
        self.check_schema(_content_schema(operation["responses"]["200"]), body)
        assert (status == 200) == ("errors" not in body)  # type: ignore[operator]

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        template = path if path in self.paths else None
        for candidate in self.paths if template is None else ():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", candidate), path):
                template = candidate
        assert template is not None, f"Square has no {path}"
        operation: dict[str, Any] = self.paths[template][method.lower()]
        return operation

    def _make_validator(self, name: str) -> Draft202012Validator:
        reference = {"$ref": f"{_SQUARE}#/components/schemas/{name}"}
        return Draft202012Validator(reference, registry=self._registry)


def _content_schema(holder: dict[str, Any]) -> str:
    reference: str = holder["content"]["application/json"]["schema"]["$ref"]
    return reference.rsplit("/", 1)[1]


def _schema(node: Any) -> Any:
    if isinstance(node, list):
        return [_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    nullable = node.get("nullable", False)
    if "$ref" in node:
        schema: dict[str, Any] = {"$ref": node["$ref"]}
        return {"anyOf": [schema, {"type": "null"}]} if nullable else schema
    kept = ("type", "enum", "minLength", "maxLength", "minimum", "maximum", "pattern", "required")
    schema = {key: node[key] for key in kept if key in node}
    if "items" in node:
        schema["items"] = _schema(node["items"])
    if "properties" in node:
        schema["properties"] = {key: _schema(each) for key, each in node["properties"].items()}
        schema["additionalProperties"] = False
    if isinstance(node.get("additionalProperties"), dict):
        schema["additionalProperties"] = _schema(node["additionalProperties"])
    if nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    return schema
