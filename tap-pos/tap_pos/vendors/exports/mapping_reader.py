"""Reading a mapping file, with errors that name the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from tap_pos.errors import SettingsError
from tap_pos.vendors.exports.mapping_file import Mapping
from tap_pos.vendors.exports.sections import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.settings import ShopSettings

_READY = Path(__file__).parent / "mappings"
_EXAMPLE = _READY / "example.yml"
READY_MAPPINGS = ("lightspeed", "shopify", "square")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_LARGEST = 1_000_000
_WORDS = {
    "orders.state": {"open", "completed", "cancelled"},
    "orders.channel": {"store", "online"},
    "lines.kind": {"sale", "return"},
    "payments.kind": {"payment", "refund"},
    "payments.state": {"pending", "completed", "failed", "cancelled"},
    "payments.method": {"card", "cash", "gift_card", "wallet", "bank", "other"},
}


def read_mapping(shop: ShopSettings) -> Mapping:
    """Read the mapping that a shop names.

    Args:
        shop: Its `exports_mapping` is the name of a ready mapping, or a path: from the
            working directory, or else from the folder of the exports.

    Raises:
        SettingsError: If there is none, or it can't work.
    """
    who = f"Shop '{shop.id}'"
    path = _path(shop)
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"{who}: the mapping file is larger than any mapping: check it.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            f"{who}: the mapping '{shop.exports_mapping}' can't be read: set exports_mapping to "
            f"{', '.join(READY_MAPPINGS)} or to the path of a mapping file in UTF-8."
        ) from None
    return parse_mapping(text, f"{who}: the mapping file {path.name}")


def parse_mapping(text: str, what: str) -> Mapping:
    """Turn the text of a mapping file into a mapping.

    Args:
        text: YAML.
        what: How an error calls the file.

    Raises:
        SettingsError: With the line, the key and what to do.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        plain = None if root is None else _plain(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"{what} is not valid YAML{line} ({error.problem}): correct it."
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise SettingsError(f"{what} is not valid YAML: correct it.") from None
    try:
        mapping = msgspec.convert(plain, Mapping, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_sentence(what, str(error), root)) from None
    for place, message in _wrong_words(mapping):
        raise SettingsError(_sentence(what, f"{message} - at `$.{place}`", root))
    return mapping


def _path(shop: ShopSettings) -> Path:
    if shop.exports_mapping in READY_MAPPINGS:
        return _READY / f"{shop.exports_mapping}.yml"
    path = Path(shop.exports_mapping).expanduser()
    beside = Path(shop.exports_folder).expanduser() / path
    return path if path.is_file() or not beside.is_file() else beside


def _plain(node: yaml.Node) -> Any:
    """Take every value as the text that was written: `no` is a word, `007` has its zeros."""
    return _Plain().of(node)


class _Plain:
    def __init__(self) -> None:
        self._seen: set[int] = set()

    def of(self, node: yaml.Node) -> Any:
        if id(node) in self._seen:
            raise _marked("a reference (*name) is not understood here", node)
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item) for item in node.value]
        result: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _marked("a key has to be a word", key)
            if key.value in result:
                raise _marked(f"the key '{key.value}' stands there twice", key)
            result[key.value] = self.of(value)
        return result


def _marked(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _sentence(what: str, message: str, root: yaml.Node | None) -> str:
    """Say which key in which line is wrong, and why."""
    reason, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    key = None
    if reason.startswith("Object contains unknown field"):
        key = reason.split("`")[1]
        reason = f"the key '{key}' is unknown here"
    elif reason.startswith("Object missing required field"):
        reason = f"the key '{reason.split('`')[1]}' is missing"
    line = _line(root, path, key)
    place = f", {path}" if path else ""
    return f"{what}, line {line}{place}: {reason}; {_EXAMPLE} explains every key."


def _line(root: yaml.Node | None, path: str, key: str | None) -> int:
    """Find the line of a key, or of the nearest thing around it."""
    node, line = root, 1 if root is None else root.start_mark.line + 1
    steps = [found[1] or int(found[2]) for found in _STEP.finditer(f".{path}" if path else "")]
    for step in [*steps, *([key] if key else [])]:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == step:
                    node, line = value, name.start_mark.line + 1
                    break
    return line


def _wrong_words(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """Find translations into words that no record has."""
    for number, entry in enumerate(mapping.files):
        parts: list[tuple[str, Any, str]]
        parts = [("orders", entry.orders, ""), ("lines", entry.lines, "")]
        parts += [("payments", each, f"[{n}]") for n, each in enumerate(entry.payments)]
        for part, fields, index in parts:
            for place, allowed in _WORDS.items():
                section, _, name = place.partition(".")
                column = getattr(fields, name, None) if section == part else None
                if not isinstance(column, Column):
                    continue
                used = {*column.words.values(), column.otherwise, column.value} - {None, ""}
                if strange := sorted(str(word) for word in used - allowed):
                    yield (
                        f"files[{number}].{part}{index}.{name}",
                        f"'{strange[0]}' is none of {', '.join(sorted(allowed))}",
                    )
        if entry.receipts is not None:
            strange = sorted(set(entry.receipts.methods.values()) - _WORDS["payments.method"])
            if strange:
                yield f"files[{number}].receipts.methods", f"'{strange[0]}' is no payment method"
