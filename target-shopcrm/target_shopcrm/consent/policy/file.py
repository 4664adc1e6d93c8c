"""A YAML file as a tree whose every place knows its line, so that errors can name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import yaml

from target_shopcrm.consent.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Place:
    """One value in the file, and how a reader finds it.

    Scalars are read as the text that stands there: ``NO`` is Norway, not false.

    Attributes:
        file: the file's path.
        node: what YAML makes of the value.
        name: what the value is called in a sentence.
        line: the line to name, counted from 1; that of its name where it has one.
    """

    file: str
    node: yaml.Node
    name: str
    line: int

    def fail(self, wrong: str) -> NoReturn:
        """Refuse the file because of what stands here.

        Raises:
            PolicyError: always; `wrong` says what is wrong and what to do, without a stop.
        """
        raise PolicyError(f"{self.file}, line {self.line}: {wrong}.")

    def text(self) -> str:
        """The value as text."""
        node = self.node
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL or not node.value.strip():
            self.fail(f"{self.name} must be a text; write one there")
        return str(node.value).strip()

    def is_text(self) -> bool:
        """Whether a single value stands here, and not a list or named values."""
        return isinstance(self.node, yaml.ScalarNode)

    def yes_or_no(self) -> bool:
        """The value as an answer; nothing but yes and no is one."""
        if self.text() not in {"yes", "no"}:
            self.fail(f"{self.name} must be yes or no")
        return self.text() == "yes"

    def mapping(self) -> dict[str, Place]:
        """The value as named places, in the order of the file."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"{self.name} must be a list of names with values; write 'name: value' lines")
        places: dict[str, Place] = {}
        for key_node, value_node in self.node.value:
            line = _line(key_node)
            key = Place(self.file, key_node, f"a name in {self.name}", line)
            name = key.text()
            if name in places:
                key.fail(f"{name!r} stands twice in {self.name}; keep one of the two")
            places[name] = Place(self.file, value_node, repr(name), line)
        return places

    def texts(self) -> list[tuple[str, Place]]:
        """The value as a list of texts, each with its place; no text twice."""
        seen: set[str] = set()
        items: list[tuple[str, Place]] = []
        for place in self._items():
            text = place.text()
            if text in seen:
                place.fail(f"{text!r} stands twice in {self.name}; keep one of the two")
            seen.add(text)
            items.append((text, place))
        return items

    def _items(self) -> Iterator[Place]:
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail(f"{self.name} must be a list; write [one, another]")
        for node in self.node.value:
            yield Place(self.file, node, f"an entry of {self.name}", _line(node))


def read_file(path: Path) -> Place:
    """The top of a policy file.

    Raises:
        PolicyError: where the file can't be read, is empty, or is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror or "no reason given"
        raise PolicyError(
            f"{path}, line 1: the policy file can't be read ({why}); check the path and its"
            " permissions."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PolicyError(
            f"{path}, line {line}: this isn't UTF-8 text; save the policy file as UTF-8."
        ) from error
    node = _parsed(path, text)
    if node is None or node.tag == _NULL:
        raise PolicyError(
            f"{path}, line 1: the policy file is empty; start it with 'version: 1',"
            " 'name: …' and 'extends: strict'."
        )
    return Place(str(path), node, "the policy", _line(node))


def _parsed(path: Path, text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        wrong = error.problem or "it can't be parsed"
        raise PolicyError(
            f"{path}, line {line}: this isn't YAML ({wrong}); check the indentation and the"
            " brackets around this line."
        ) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise PolicyError(
            f"{path}, line {line}: a character that YAML doesn't allow stands here; remove it."
        ) from error
    return node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
