"""Transforms: what a field may do to a value before it is kept.

Pure, total and never widening. A value that cannot be transformed is ``Dropped``, not
kept. Where input and output have one type, ``t(t(x)) == t(x)``.

Values travel in the encoding of the inbox:

========== ==========================================================
text       ``str``
int, year  ``int`` within 64 signed bits
decimal    ``int``, scaled by 10,000: DECIMAL(18,4) without a float
bool       ``bool``
timestamp  ``int``, microseconds since 1970-01-01T00:00:00Z
date       ``int``, days since 1970-01-01
========== ==========================================================

Refuses: coercion. ``"12"`` is no number and ``1.0`` is no integer.
Source: policy page section 3.
"""

import ipaddress
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from cdp.kernel import from_micros, to_micros
from cdp.policy.detectors import (
    find,
    looks_like_rrn,
    mask,
    number_looks_like_rrn,
)
from cdp.policy.documents import (
    Detect,
    HierarchyTable,
    MapValues,
    Step,
    TopCode,
    TruncateIP,
)

Kind: TypeAlias = Literal[
    "text", "int", "decimal", "bool", "timestamp", "date", "ip", "year"
]
Floor: TypeAlias = Literal["hour", "day", "week", "month"]

DECIMAL_SCALE = 10_000
_MAX_DECIMAL = 10**18  # DECIMAL(18,4), exclusive
_MAX_INT = 1 << 63  # exclusive
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_YEAR = 1900
# Up to here a double times 10,000 is off by less than a thousandth.
_EXACT_ENOUGH = 1e12
_HALF = 0.5
_NEAR = 1e-3


class Dropped(msgspec.Struct, frozen=True):
    """The value is gone; ``event`` says that the whole event goes with it."""

    rule: str
    event: bool = False


class Moment(msgspec.Struct, frozen=True):
    """When the event happened and in whose calendar days begin."""

    occurred_at: datetime
    zone: ZoneInfo


Convert: TypeAlias = Callable[[Any, Moment], Any]

WRONG_TYPE = Dropped("type")
OUT_OF_RANGE = Dropped("range")
RRN = Dropped("detect.KR_RRN")


class IncompatibleStepError(Exception):
    """A step does not take what comes before it; lint says so with file and line."""


def decode(kind: Kind) -> Callable[[object], Any]:
    """Return the function that turns a JSON value into the encoding of ``kind``."""
    return _DECODERS[kind]


def compile_steps(
    kind: Kind,
    steps: Sequence[Step],
    detect: Detect | None,
    hierarchies: Mapping[str, HierarchyTable],
) -> tuple[Convert, Kind]:
    """Chain decoding, detection and steps for one value; return its kind at the end.

    Raises:
        IncompatibleStepError: a step does not take what comes before it.
    """
    chain: list[Convert] = []
    current = kind
    if detect is not None:
        if kind != "text":
            raise IncompatibleStepError(f"detect reads text, not {kind}")
        chain.append(_detect(detect))
    if kind == "text":
        chain.append(_refuse_rrn)
    for step in steps:
        function, current = _compile(step, current, hierarchies)
        chain.append(function)
    if current == "ip":
        chain.append(_address_text)
        current = "text"
    read = _DECODERS[kind]

    def convert(raw: object, moment: Moment) -> object:
        value = read(raw)
        for function in chain:
            if type(value) is Dropped:
                return value
            value = function(value, moment)
        return value

    return convert, current


def compile_timestamp(steps: Sequence[Step]) -> Convert:
    """Chain the steps of a timestamp that is already in microseconds."""
    chain = [_compile(step, "timestamp", {})[0] for step in steps]

    def convert(micros: int, moment: Moment) -> object:
        value: Any = micros
        for function in chain:
            if type(value) is Dropped:
                return value
            value = function(value, moment)
        return value

    return convert


def scale_decimal(value: float | Decimal) -> int | Dropped:
    """Return ``value`` times 10,000, half to even, or drop it.

    A float is taken as the shortest decimal that reads back as it, as JSON wrote it.
    """
    if isinstance(value, int):
        scaled = value * DECIMAL_SCALE
    elif isinstance(value, float):
        quick = value * DECIMAL_SCALE
        if not math.isfinite(quick):
            return OUT_OF_RANGE
        scaled = round(quick)
        # Only a value close to a half can round another way than its decimal does.
        close = abs(abs(quick - scaled) - _HALF) < _NEAR
        if close or abs(quick) > _EXACT_ENOUGH:
            scaled = _scale_exactly(Decimal(repr(value)))
    elif value.is_finite():
        scaled = _scale_exactly(value)
    else:
        return OUT_OF_RANGE
    return scaled if -_MAX_DECIMAL < scaled < _MAX_DECIMAL else OUT_OF_RANGE


def floor_instant(micros: int, unit: Floor, zone: ZoneInfo) -> int:
    """Return the start of the hour, day, week (Monday) or month in ``zone``."""
    local = from_micros(micros).astimezone(zone)
    match unit:
        case "hour":
            # fold stays: the second 01:00 of an autumn night is an hour of its own.
            local = local.replace(minute=0, second=0, microsecond=0)
        case "day" | "week" | "month":
            local = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            if unit == "week":
                local -= timedelta(days=local.weekday())
            elif unit == "month":
                local = local.replace(day=1)
    return to_micros(local.astimezone(UTC))


def truncate_address(text: str, to: TruncateIP) -> str | Dropped:
    """Return the network of an address, or of a network, at most that long."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return WRONG_TYPE
    return _truncate(network, to)


def shorten_url(text: str, keep: int) -> str | Dropped:
    """Return host and ``keep`` segments of the path; user, port, query, fragment go."""
    absolute = "//" in text.split("?", 1)[0].split("#", 1)[0]
    if not absolute and ("@" in text or ":" in text.split("/", 1)[0]):
        return WRONG_TYPE  # an address, or another scheme: mailto, data, javascript
    try:
        parts = urlsplit(text if absolute or text.startswith("/") else f"//{text}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return WRONG_TYPE
    if host and not _HOST.fullmatch(host):
        return WRONG_TYPE
    if parts.scheme not in {"", "http", "https"}:
        return WRONG_TYPE
    path = "/".join([segment for segment in parts.path.split("/") if segment][:keep])
    if "@" in path or "%40" in path or looks_like_rrn(path):
        return WRONG_TYPE
    if not host and not path:
        return WRONG_TYPE if not text.startswith("/") else "/"
    return f"{host}/{path}" if path else host


def lift(table: HierarchyTable, to: str) -> dict[str, str]:
    """Return the map of each text at or below level ``to`` to its text at ``to``."""
    level = table.levels.index(to)
    return {row[below]: row[level] for row in table.rows for below in range(level + 1)}


def read_date(text: str) -> date | None:
    """Return the date of ``YYYY-MM-DD``, also with a time behind it."""
    try:
        if len(text) == len("YYYY-MM-DD"):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _decode_text(raw: object) -> object:
    return raw if type(raw) is str else WRONG_TYPE


def _decode_int(raw: object) -> object:
    if type(raw) is not int:
        return WRONG_TYPE
    if not -_MAX_INT <= raw < _MAX_INT:
        return OUT_OF_RANGE
    return RRN if number_looks_like_rrn(raw) else raw


def _decode_decimal(raw: object) -> object:
    if type(raw) is int:
        return RRN if number_looks_like_rrn(raw) else scale_decimal(raw)
    return scale_decimal(raw) if type(raw) is float else WRONG_TYPE


def _decode_bool(raw: object) -> object:
    return raw if type(raw) is bool else WRONG_TYPE


def _decode_timestamp(raw: object) -> object:
    if type(raw) is not str:
        return WRONG_TYPE
    try:
        instant = datetime.fromisoformat(raw)
    except ValueError:
        return WRONG_TYPE
    # Without an offset it could be any of 27 hours.
    return WRONG_TYPE if instant.tzinfo is None else to_micros(instant)


def _decode_date(raw: object) -> object:
    day = read_date(raw) if type(raw) is str else None
    return WRONG_TYPE if day is None else day.toordinal() - _EPOCH_DAY


def _decode_ip(raw: object) -> object:
    if type(raw) is not str:
        return WRONG_TYPE
    try:
        return ipaddress.ip_address(raw)
    except ValueError:
        return WRONG_TYPE


_DECODERS: dict[Kind, Callable[[object], Any]] = {
    "text": _decode_text,
    "int": _decode_int,
    "decimal": _decode_decimal,
    "bool": _decode_bool,
    "timestamp": _decode_timestamp,
    "date": _decode_date,
    "ip": _decode_ip,
}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


def _refuse_rrn(value: str, _moment: Moment) -> object:
    return RRN if looks_like_rrn(value) else value


def _address_text(value: object, _moment: Moment) -> str:
    return str(value)


def _detect(detect: Detect) -> Convert:
    kinds = detect.kinds
    outcome = Dropped("detect", event=detect.on_hit == "drop_event")
    masks = detect.on_hit == "mask"

    def convert(value: str, _moment: Moment) -> object:
        if masks:
            return mask(value, kinds)
        return outcome if find(value, kinds) else value

    return convert


def _compile(
    step: Step, kind: Kind, hierarchies: Mapping[str, HierarchyTable]
) -> tuple[Convert, Kind]:
    takes = _TAKES[step.transform]
    if kind not in takes:
        wanted = " or ".join(takes)
        raise IncompatibleStepError(f"{step.transform} takes {wanted}, not {kind}")
    if step.truncate_ip is not None:
        return _compile_truncate(step.truncate_ip), "text"
    if step.year_band is not None:
        return _compile_year_band(step.year_band), "year"
    if step.floor is not None:
        return _compile_floor(step.floor), kind
    if step.round is not None:
        return _compile_round(_edge(step.round, kind)), kind
    if step.bucket is not None:
        return _compile_bucket([_edge(edge, kind) for edge in step.bucket]), kind
    if step.top_code is not None:
        return _compile_top_code(step.top_code, kind), kind
    if step.map is not None:
        return _compile_map(step.map), kind
    if step.hierarchy is not None:
        table = lift(hierarchies[step.hierarchy.name], step.hierarchy.to)
        return _compile_lookup(table, Dropped("hierarchy")), kind
    if step.url is not None:
        keep = step.url.keep
        return (lambda value, _moment: shorten_url(value, keep)), kind
    raise IncompatibleStepError("a step names a transform")


_NUMBERS: tuple[Kind, ...] = ("int", "decimal", "year")
_TAKES: dict[str, tuple[Kind, ...]] = {
    "truncate_ip": ("ip",),
    "year_band": ("date",),
    "floor": ("timestamp",),
    "round": _NUMBERS,
    "bucket": _NUMBERS,
    "top_code": _NUMBERS,
    "map": ("text",),
    "hierarchy": ("text",),
    "url": ("text",),
}


def _edge(value: Decimal, kind: Kind) -> int:
    scaled = scale_decimal(value) if kind == "decimal" else int(value)
    exact = kind == "decimal" or value == int(value)
    if isinstance(scaled, Dropped) or not exact or (value and not scaled):
        raise IncompatibleStepError(f"{value} does not fit a column of type {kind}")
    return scaled


def _compile_truncate(to: TruncateIP) -> Convert:
    def convert(value: Any, _moment: Moment) -> object:
        return _truncate(ipaddress.ip_network(value), to)

    return convert


def _truncate(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, to: TruncateIP
) -> str:
    if isinstance(network, ipaddress.IPv6Network):
        # An IPv4 address inside an IPv6 one would keep its last bits under a v6 prefix:
        # mapped (::ffff:a.b.c.d) in the low bits, 6to4 (2002::/16) right behind the
        # front.
        inner = network.network_address.ipv4_mapped or network.network_address.sixtofour
        if inner is None:
            prefix = min(network.prefixlen, to.v6)
            return str(
                ipaddress.ip_network((network.network_address, prefix), strict=False)
            )
        network = ipaddress.ip_network(inner)
    prefix = min(network.prefixlen, to.v4)
    return str(ipaddress.ip_network((network.network_address, prefix), strict=False))


def _compile_year_band(width: int) -> Convert:
    def convert(days: int, moment: Moment) -> object:
        day = days + _EPOCH_DAY
        today = moment.occurred_at.astimezone(moment.zone).date().toordinal()
        year = date.fromordinal(day).year
        if day > today or year < _FIRST_YEAR:
            return OUT_OF_RANGE
        return year - year % width

    return convert


def _compile_floor(unit: Floor) -> Convert:
    def convert(micros: int, moment: Moment) -> int:
        return floor_instant(micros, unit, moment.zone)

    return convert


def _compile_round(step: int) -> Convert:
    def convert(value: int, _moment: Moment) -> int:
        below, rest = divmod(value, step)
        if 2 * rest > step or (2 * rest == step and below % 2):
            below += 1
        return below * step

    return convert


def _compile_bucket(edges: list[int]) -> Convert:
    def convert(value: int, _moment: Moment) -> object:
        place = bisect_right(edges, value)
        return edges[place - 1] if place else OUT_OF_RANGE

    return convert


def _compile_top_code(to: TopCode, kind: Kind) -> Convert:
    low = None if to.min is None else _edge(to.min, kind)
    high = None if to.max is None else _edge(to.max, kind)

    def convert(value: int, _moment: Moment) -> int:
        if low is not None and value < low:
            return low
        return high if high is not None and value > high else value

    return convert


def _compile_map(table: MapValues) -> Convert:
    otherwise: object
    match table.other:
        case "drop_field":
            otherwise = Dropped("map")
        case "drop_event":
            otherwise = Dropped("map", event=True)
        case other:
            otherwise = other
    return _compile_lookup(table.values, otherwise)


def _compile_lookup(table: dict[str, str], otherwise: object) -> Convert:
    # Outputs map to themselves, so that a second pass changes nothing.
    whole: dict[str, object] = {output: output for output in table.values()}
    whole.update(table)
    get = whole.get

    def convert(value: str, _moment: Moment) -> object:
        return get(value, otherwise)

    return convert


def _scale_exactly(value: Decimal) -> int:
    return int(value.scaleb(4).to_integral_value(ROUND_HALF_EVEN))


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; the files are read once."""
    return ZoneInfo(name)


def as_kind(name: str) -> tuple[Kind, bool]:
    """Return the kind of one value of a type, and whether the type is a list."""
    if name.startswith("list["):
        return cast("Kind", name[5:-1]), True
    return cast("Kind", name), False
