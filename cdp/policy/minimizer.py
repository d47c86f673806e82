"""The minimizer: one walk over an item that keeps what the dataset names.

- A path that no field names is dropped and counted; neither its value nor a key that
  could itself be a value reaches the count.
- Types are strict; a value that fails leaves its field empty, and the event goes on.
- Whether a column may be kept is decided afterwards, by bits: a column is kept when one
  of its purposes is usable.
- Anything shaped like a resident registration number (주민등록번호) is refused in every
  field and identifier (PIPA 24-2).

Compiled once for each dataset and version; holds no state of an event.
Source: policy page sections 2 and 3.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from cdp.kernel import to_micros
from cdp.policy.bundle import Policy
from cdp.policy.detectors import looks_like_rrn, number_looks_like_rrn
from cdp.policy.documents import Dataset, Field
from cdp.policy.transforms import (
    RRN,
    WRONG_TYPE,
    Convert,
    Dropped,
    Moment,
    as_kind,
    compile_steps,
    compile_timestamp,
    zone_of,
)

# Read by the collectors, never fields of a dataset (wire page sections 7 to 9).
ENVELOPE = (
    "messageId",
    "type",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "receivedAt",
    "writeKey",
    "token",
    "version",
    "channel",
    "integrations",
    "_metadata",
    "previousId",
    "context.consent",
    "context.consentManagement",
    "context.library",
)
# The collector's own instant and the address of the socket stand in for these two.
TIME_PATH = "timestamp"
ADDRESS_PATH = "context.ip"

UNKNOWN_FIELD = "unknown_field"
# A key of an unknown field is the sender's word, and could be an address or a number.
_PLAIN_KEY = re.compile(r"(?!.*[0-9]{5})[A-Za-z_$][A-Za-z0-9_$]{0,39}")
_MAX_KNOWN_KEYS = 512  # of one object, kept so that a path is built once


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one item.

    ``identifiers`` are (namespace, raw value) in wire order. ``dropped`` are
    (rule, path); never a value. ``event`` is ``drop`` when a field's rule says so.
    """

    values: dict[str, Any]
    identifiers: list[tuple[str, str | int]]
    dropped: list[tuple[str, str]]
    event: Literal["keep", "drop"]


class _Run:
    __slots__ = (
        "best",
        "dropped",
        "event",
        "identifiers",
        "moment",
        "repeated",
        "values",
    )

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.values: dict[str, Any] = {}
        self.identifiers: list[tuple[str, str | int]] = []
        self.dropped: list[tuple[str, str]] = []
        self.best: dict[str, int] = {}
        self.event = True
        self.repeated = False


class _Target:
    """Where the value of one path goes."""

    __slots__ = ("convert", "many", "name", "rank", "rule")

    def __init__(
        self,
        name: str,
        rule: Literal["column", "identifier", "deny"],
        *,
        convert: Convert | None = None,
        rank: int = -1,
        many: bool = False,
    ) -> None:
        self.name = name
        self.rule = rule
        self.convert = convert
        self.rank = rank
        self.many = many

    def take(self, raw: object, run: _Run, path: str) -> None:
        if self.convert is None:
            self._take_other(raw, run, path)
            return
        name = self.name
        if self.rank >= 0 and not self._is_better(run):
            return
        value = self.convert(raw, run.moment)
        if type(value) is Dropped:
            _drop(run, value, path)
            return
        if self.rank >= 0:
            if self.many and run.best.get(name, self.rank) != self.rank:
                del run.values[name]
            run.best[name] = self.rank
        if self.many:
            run.values.setdefault(name, []).append(value)
        else:
            run.values[name] = value

    def _is_better(self, run: _Run) -> bool:
        best = run.best.get(self.name)
        return best is None or self.rank < best or (self.many and self.rank == best)

    def _take_other(self, raw: object, run: _Run, path: str) -> None:
        if self.rule == "deny":
            run.dropped.append(("deny", path))
            return
        if type(raw) is str:
            refused = looks_like_rrn(raw)
        elif type(raw) is int:
            refused = number_looks_like_rrn(raw)
        else:
            run.dropped.append((WRONG_TYPE.rule, path))
            return
        if refused:
            run.dropped.append((RRN.rule, path))
        else:
            run.identifiers.append((self.name, raw))


class _Node:
    """One step of a path."""

    __slots__ = ("children", "item", "path", "prefix", "skip", "targets", "unknown")

    def __init__(self, path: str) -> None:
        self.path = path
        self.prefix = f"{path}." if path else ""
        self.children: dict[str, _Node] = {}
        self.item: _Node | None = None
        self.targets: tuple[_Target, ...] = ()
        self.skip = False
        self.unknown: dict[str, tuple[str, str]] = {}

    def child(self, key: str) -> "_Node":
        if key not in self.children:
            self.children[key] = _Node(f"{self.prefix}{key}")
        return self.children[key]

    def each(self) -> "_Node":
        if self.item is None:
            self.item = _Node(f"{self.path}[]")
        return self.item

    def unknown_child(self, key: str) -> tuple[str, str]:
        known = self.unknown.get(key)
        if known is None:
            plain = key if _PLAIN_KEY.fullmatch(key) else "*"
            known = (UNKNOWN_FIELD, f"{self.prefix}{plain}")
            if len(self.unknown) < _MAX_KNOWN_KEYS:
                self.unknown[key] = known
        return known


class Minimizer:
    """A dataset, compiled. Made by :func:`compile_minimizer`; safe for several threads.

    ``column_masks`` and ``identifier_masks`` hold the bits of the purposes of each
    column and of each namespace.
    """

    def __init__(
        self, policy: Policy, dataset: Dataset, bits: Mapping[str, int]
    ) -> None:
        self.dataset = dataset
        self.column_masks: dict[str, int] = {}
        self.identifier_masks: dict[str, int] = {}
        self._root = _Node("")
        self._times: list[tuple[str, Convert]] = []
        for name, field in dataset.fields.items():
            self._add(name, field, policy, bits)
        for path in ENVELOPE:
            node = self._node(path)
            node.skip = not node.targets and not node.children
        self._addresses = self._node(ADDRESS_PATH).targets
        if not self._addresses:
            del self._root.children["context"].children["ip"]
        nobody = purpose_mask(
            (key for key, item in policy.purposes.items() if not item.needs_identity),
            bits,
        )
        self._strippable = frozenset(
            name
            for name, columns in self.column_masks.items()
            if columns & nobody and not _tells_a_person(dataset.fields[name])
        )

    def extract(
        self,
        item: Mapping[str, Any],
        *,
        occurred_at: datetime,
        client_address: str | None,
        zone: str,
    ) -> Extracted:
        """Walk ``item`` once and keep what the dataset names.

        Args:
            item: one decoded item; ``null`` is absent.
            occurred_at: aware; stands in for the path ``timestamp``.
            client_address: stands in for ``context.ip`` where the item has none.
            zone: IANA name, of the jurisdiction; days begin there.
        """
        run = _Run(Moment(occurred_at, zone_of(zone)))
        self._walk(item, self._root, run)
        for name, convert in self._times:
            run.values[name] = convert(to_micros(occurred_at), run.moment)
        if self._addresses and client_address is not None:
            context = item.get("context")
            if not isinstance(context, dict) or context.get("ip") is None:
                for target in self._addresses:
                    target.take(client_address, run, ADDRESS_PATH)
        dropped = list(dict.fromkeys(run.dropped)) if run.repeated else run.dropped
        return Extracted(
            values=run.values,
            identifiers=run.identifiers,
            dropped=dropped,
            event="keep" if run.event else "drop",
        )

    def keep(self, values: Mapping[str, Any], usable_mask: int) -> dict[str, Any]:
        """Return the columns that at least one usable purpose names."""
        masks = self.column_masks
        return {
            name: item for name, item in values.items() if masks[name] & usable_mask
        }

    def strip(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an event keeps that nobody may be tied to.

        That is: columns of purposes that need no identity, without addresses and
        without free text.
        """
        kept = self._strippable
        return {name: item for name, item in values.items() if name in kept}

    def _walk(self, mapping: Mapping[str, Any], node: _Node, run: _Run) -> None:
        children = node.children
        unknown = node.unknown
        for key, value in mapping.items():
            if value is None:
                continue
            child = children.get(key)
            if child is None:
                run.dropped.append(unknown.get(key) or node.unknown_child(key))
            elif not child.skip:
                self._visit(value, child, run)

    def _visit(self, value: Any, node: _Node, run: _Run) -> None:
        kind = type(value)
        if kind is dict and node.children:
            self._walk(value, node, run)
        elif kind is list and node.item is not None:
            run.repeated = True
            for element in value:
                if element is not None:
                    self._visit(element, node.item, run)
        elif node.targets:
            for target in node.targets:
                target.take(value, run, node.path)
        else:
            run.dropped.append((WRONG_TYPE.rule, node.path))

    def _add(
        self, name: str, field: Field, policy: Policy, bits: Mapping[str, int]
    ) -> None:
        if field.deny:
            for path in field.paths:
                self._node(path).targets = (_Target(name, "deny"),)
            return
        columns = purpose_mask(field.purposes, bits)
        if field.identifier is not None:
            known = self.identifier_masks.get(field.identifier, 0)
            self.identifier_masks[field.identifier] = known | columns
            for path in field.paths:
                self._node(path).targets += (_Target(field.identifier, "identifier"),)
        if field.type is None:
            return
        self.column_masks[name] = columns
        kind, many = as_kind(field.type)
        convert, _ = compile_steps(
            kind, field.transform, field.detect, policy.hierarchies
        )
        for rank, path in enumerate(field.paths):
            if path == TIME_PATH:
                self._times.append((name, compile_timestamp(field.transform)))
                continue
            # A list column may name the list itself, or what lies inside its elements.
            whole = f"{path}[]" if many and "[]" not in path else path
            self._node(whole).targets += (
                _Target(
                    name,
                    "column",
                    convert=convert,
                    rank=rank if len(field.paths) > 1 else -1,
                    many=many,
                ),
            )

    def _node(self, path: str) -> _Node:
        node = self._root
        for part in path.split("."):
            node = node.child(part.removesuffix("[]"))
            if part.endswith("[]"):
                node = node.each()
        return node


def compile_minimizer(
    policy: Policy, dataset_key: str, bits: Mapping[str, int]
) -> Minimizer:
    """Compile one dataset of ``policy``.

    Args:
        dataset_key: a key of ``policy.datasets``.
        bits: the ordinal, 0 to 62, of every purpose that the policy names.
    """
    return Minimizer(policy, policy.datasets[dataset_key], bits)


def purpose_mask(purposes: Iterable[str], bits: Mapping[str, int]) -> int:
    """Return the bits of ``purposes`` as one number below 2**63."""
    mask = 0
    for purpose in purposes:
        mask |= 1 << bits[purpose]
    return mask


def _drop(run: _Run, dropped: Dropped, path: str) -> None:
    run.dropped.append((dropped.rule, path))
    if dropped.event:
        run.event = False


def _tells_a_person(field: Field) -> bool:
    """Whether a column is an address, or text that the sender wrote freely."""
    if field.type == "ip":
        return True
    if field.type not in {"text", "list[text]"}:
        return False
    closed = any(step.map or step.hierarchy for step in field.transform)
    return not closed
