"""TC strings made up for a measurement, mixed like those of the field.

Of ten strings seven are of version 5 with a list of disclosed vendors, two carry
restrictions, and three have their vendors in ranges; every one has a publisher segment.

Refuses: real data. Everything is drawn from a seed.
"""

import base64
from typing import Final

import numpy as np

_VENDORS: Final = 1_000
_DAY: Final = 864_000  # deciseconds
_FIRST_DAY: Final = 20_240
_OURS_AMONG: Final = 40
_TENTHS: Final = 10
_WITH_DISCLOSURE, _WITH_RESTRICTIONS, _WITH_RANGES = 7, 2, 3


def make_tc_strings(count: int, seed: int) -> list[str]:
    """Return ``count`` different strings; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    return [_string(rng, number) for number in range(count)]


def _string(rng: np.random.Generator, number: int) -> str:
    kind = number % _TENTHS
    in_ranges = kind < _WITH_RANGES
    discloses = kind < _WITH_DISCLOSURE
    day = (_FIRST_DAY + int(rng.integers(0, 400))) * _DAY
    core = [
        (2, 6),
        (day, 36),
        (day, 36),
        (int(rng.integers(2, 500)), 12),
        # The number of the string, so that no two are alike.
        (number & 0xFFF, 12),
        (number >> 12 & 0x3F, 6),
        (0x10D, 12),
        (int(rng.integers(1, 200)), 12),
        (5 if discloses else 4, 6),
        (0b10, 2),
        (int(rng.integers(0, 4)) << 10, 12),
        (int(rng.integers(0, 1 << 11)) << 13, 24),
        (int(rng.integers(0, 1 << 5)) << 13, 24),
        (0, 1),
        (0x291, 12),
    ]
    bits = _packed(core) + _vendors(rng, in_ranges) + _vendors(rng, in_ranges)
    bits += _restrictions(rng, 3 if kind >= _TENTHS - _WITH_RESTRICTIONS else 0)
    segments = [bits]
    if discloses:
        segments.append(_packed([(1, 3)]) + _vendors(rng, in_ranges))
    mask = int(rng.integers(0, 1 << 11)) << 13
    segments.append(_packed([(3, 3), (mask, 24), (mask, 24), (0, 6)]))
    return ".".join(_characters(segment) for segment in segments)


def _packed(fields: list[tuple[int, int]]) -> str:
    return "".join(f"{value:0{width}b}" for value, width in fields)


def _vendors(rng: np.random.Generator, in_ranges: bool) -> str:
    if not in_ranges:
        size = int(rng.integers(_OURS_AMONG, _VENDORS))
        flags = rng.integers(0, 2, size)
        return _packed([(size, 16), (0, 1)]) + "".join(map(str, flags.tolist()))
    entries = _entries(rng, int(rng.integers(1, 40)))
    return _packed([(_VENDORS * 2, 16), (1, 1)]) + entries


def _entries(rng: np.random.Generator, count: int) -> str:
    ends = np.sort(rng.choice(np.arange(1, _VENDORS * 2), 2 * count, replace=False))
    pairs = ends.reshape(-1, 2).tolist()
    written = [_packed([(count, 12)])]
    for place, (first, last) in enumerate(pairs):
        fields = (
            [(1, 1), (first, 16), (last, 16)] if place % 2 else [(0, 1), (last, 16)]
        )
        written.append(_packed(fields))
    return "".join(written)


def _restrictions(rng: np.random.Generator, count: int) -> str:
    written = [_packed([(count, 12)])]
    for place in range(count):
        entries = _entries(rng, int(rng.integers(1, 4)))
        written.append(_packed([(place + 2, 6), (1, 2)]) + entries)
    return "".join(written)


def _characters(bits: str) -> str:
    size = -(-len(bits) // 24) * 24
    number = int(bits, 2) << size - len(bits)
    return base64.urlsafe_b64encode(number.to_bytes(size // 8)).decode()
