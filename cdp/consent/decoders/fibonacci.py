"""Ranges of ids in Fibonacci code, as GPP writes them, over bits as text.

- A number is a sum of Fibonacci numbers 1, 2, 3, 5, ..., no two of them neighbours, one
  bit for each; a second 1 ends it. So every number has one code, and zero has none.
- A range is 12 bits of count, then for each entry one bit (0 single, 1 group), the
  distance from the id before, and for a group the distance to its last id. Ids can
  only grow.
- Entries stay entries until asked: a group of 65,535 ids costs as much as one id.

Refuses: ids over 65,535.

Source: IAB Tech Lab, GPP Consent String Specification, sections Fibonacci Encoding and
Data Types (Range (Fibonacci)).
"""

from typing import TypeAlias

from cdp.consent.errors import DecodeReason, SignalDecodeError

# First and last id; equal for a single one.
Entry: TypeAlias = tuple[int, int]

MAX_ID = 65_535
_COUNT_BITS = 12


def _fibonacci(highest: int) -> tuple[int, ...]:
    numbers = [1, 2]
    while numbers[-1] <= highest:
        numbers.append(numbers[-1] + numbers[-2])
    return tuple(numbers)


_NUMBERS = _fibonacci(MAX_ID)


def read_number(
    bits: str, at: int, error: type[SignalDecodeError], where: str
) -> tuple[int, int]:
    """Return the number that begins at ``at``, and where the next field begins.

    Raises:
        SignalDecodeError: of the given kind; ``truncated`` or ``range``.
    """
    end = bits.find("11", at) + 1
    if not end:
        raise error(DecodeReason.TRUNCATED, where)
    if end - at > len(_NUMBERS):
        raise error(DecodeReason.RANGE, where)
    number = 0
    for bit, value in zip(bits[at:end], _NUMBERS, strict=False):
        if bit == "1":
            number += value
    return number, end + 1


def read_range(
    bits: str, at: int, error: type[SignalDecodeError], where: str
) -> tuple[tuple[Entry, ...], int]:
    """Return the entries that begin at ``at``, and where the next field begins.

    Raises:
        SignalDecodeError: of the given kind; ``truncated`` or ``range``.
    """
    if len(bits) < at + _COUNT_BITS:
        raise error(DecodeReason.TRUNCATED, where)
    count = int(bits[at : at + _COUNT_BITS], 2)
    at += _COUNT_BITS
    entries: list[Entry] = []
    last = 0
    for _ in range(count):
        is_group = bits[at : at + 1] == "1"
        step, at = read_number(bits, at + 1, error, where)
        first = last = last + step
        if is_group:
            step, at = read_number(bits, at, error, where)
            last += step
        if last > MAX_ID:
            raise error(DecodeReason.RANGE, where)
        entries.append((first, last))
    return tuple(entries), at
