"""YAML with line marks, and the errors of decoding turned into faults.

Step (1) of three: text becomes plain values, and every value knows its line. Duplicate
keys are refused, because PyYAML keeps the last one without a word; so are aliases,
which make a document say something that is not on its line, and keys that are not text,
because YAML 1.1 reads ``NO`` as false.

Step (2): a value becomes a document. msgspec names a bad value of a mapping only as
``[...]``; the entries are then tried one by one, so that each is named.

Refuses: files. ``loader`` reads them.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import msgspec
import yaml

from cdp.policy.documents import Document
from cdp.policy.errors import Fault

PathKey: TypeAlias = str | int
MarkPath: TypeAlias = tuple[PathKey, ...]

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_TOKEN = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<any>\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]+)`")
_ANY = "..."


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """A plain value from a file, and the line of each of its parts."""

    file: str
    value: Any
    lines: Mapping[MarkPath, int]

    def line(self, path: MarkPath) -> int:
        """Return the line of the part at ``path``, or of the closest part around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def fault(self, rule: str, message: str, *path: PathKey) -> Fault:
        """Return a fault at ``path`` of this value."""
        return Fault(file=self.file, line=self.line(path), rule=rule, message=message)


class _Reader:
    """Turns the nodes of one file into plain values."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._seen: set[int] = set()
        # Only the constructors of plain scalars are used; it never reads a stream.
        self._scalars = yaml.SafeLoader("")

    def read(self, node: yaml.Node) -> Marked:
        lines: dict[MarkPath, int] = {}
        return Marked(file=self.file, value=self._value(node, (), lines), lines=lines)

    def _value(
        self, node: yaml.Node, path: MarkPath, lines: dict[MarkPath, int]
    ) -> object:
        lines[path] = node.start_mark.line + 1
        if id(node) in self._seen:
            self._fault(node, "not_yaml", "an alias; write the value out")
            return None
        self._seen.add(id(node))
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path, lines)
            case yaml.SequenceNode():
                return [
                    self._value(item, (*path, index), lines)
                    for index, item in enumerate(node.value)
                ]
            case _:
                try:
                    # PyYAML's stubs do not type the constructors.
                    return self._scalars.construct_object(node)
                except (yaml.YAMLError, ValueError):
                    self._fault(node, "not_yaml", "a value that YAML cannot read")
                    return None

    def _mapping(
        self, node: yaml.MappingNode, path: MarkPath, lines: dict[MarkPath, int]
    ) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._value(key_node, (*path, _ANY), {})
            if not isinstance(key, str):
                self._fault(key_node, "type", "a key is text; quote it")
            elif key in result:
                self._fault(key_node, "duplicate_key", f"{key!r} stands here twice")
            else:
                result[key] = self._value(value_node, (*path, key), lines)
                lines[(*path, key)] = key_node.start_mark.line + 1
        return result

    def _fault(self, node: yaml.Node, rule: str, message: str) -> None:
        line = node.start_mark.line + 1
        self.faults.append(Fault(file=self.file, line=line, rule=rule, message=message))


def read_yaml(text: str, file: str) -> tuple[list[Marked], list[Fault]]:
    """Return the documents of ``text`` without empty ones, and its faults."""
    reader = _Reader(file)
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        problem = getattr(error, "problem", None) or "not YAML"
        fault = Fault(file=file, line=line, rule="not_yaml", message=str(problem))
        return [], [fault]
    values = [reader.read(node) for node in nodes]
    return [value for value in values if value.value is not None], reader.faults


def decode_document(marked: Marked) -> Document | list[Fault]:
    """Return the document that ``marked`` holds, or every fault that can be named."""
    try:
        document = _convert(marked.value)
    except msgspec.ValidationError as error:
        found = _name_all(marked.value, *_parse(str(error)))
        return [marked.fault(_rule(message), message, *path) for message, path in found]
    return document


def _convert(value: object) -> Document:
    # The union of all kinds is a type but no class, which is what the stubs ask for.
    return cast("Document", msgspec.convert(value, cast("Any", Document)))


def _name_all(value: Any, message: str, path: MarkPath) -> list[tuple[str, MarkPath]]:
    """Replace the first ``[...]`` of ``path`` by each key that fails by itself."""
    if _ANY not in path:
        return [(message, path)]
    place = path.index(_ANY)
    before = path[:place]
    container = _at(value, before)
    found: list[tuple[str, MarkPath]] = []
    for key, entry in container.items() if isinstance(container, dict) else ():
        alone = _with(value, before, {key: entry})
        try:
            _convert(alone)
        except msgspec.ValidationError as error:
            own, own_path = _parse(str(error))
            if own_path[: place + 1] == (*before, _ANY):
                named = (*before, key, *own_path[place + 1 :])
                found += _name_all(alone, own, named)
    return found or [(message, before)]


def _parse(text: str) -> tuple[str, MarkPath]:
    match = _AT.match(text)
    message = match["what"] if match else text
    path: list[PathKey] = []
    for token in _TOKEN.finditer((match and match["path"]) or ""):
        name, index, _ = token.groups()
        path.append(name or (int(index) if index is not None else _ANY))
    if unknown := _UNKNOWN.search(message):
        path.append(unknown["name"])
    return message, tuple(path)


def _rule(message: str) -> str:
    if _UNKNOWN.search(message):
        return "unknown_key"
    if "missing required field" in message:
        return "missing_key"
    return "type"


def _at(value: Any, path: MarkPath) -> Any:
    for key in path:
        value = value[key]
    return value


def _with(value: Any, path: MarkPath, part: Any) -> Any:
    if not path:
        return part
    key, rest = path[0], path[1:]
    if isinstance(value, list):
        return [
            _with(item, rest, part) if index == key else item
            for index, item in enumerate(value)
        ]
    return value | {key: _with(value[key], rest, part)}
