"""Writes GPP strings by the table of layouts that the decoder reads by.

It knows nothing of the decoder but its table: numbers and padding are written out here,
in text of zeros and ones. Padding is the official encoder's, to a byte and then to a
character, unless a test asks for another.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cdp.consent.decoders.us_sections import US_LAYOUTS, Field, Layout

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
BYTES = (8, 6)
CHARACTERS = (6,)
FOUR_CHARACTERS = (24,)


def number(value: int, width: int) -> str:
    """Return a number of fixed width."""
    assert 0 <= value < 1 << width
    return f"{value:0{width}b}"


def fibonacci(value: int) -> str:
    """Return a number above zero in Fibonacci code."""
    parts = [1, 2]
    while parts[-1] <= value:
        parts.append(parts[-1] + parts[-2])
    code = ""
    for part in reversed(parts):
        if part <= value:
            value -= part
            code = f"1{code}"
        elif code:
            code = f"0{code}"
    return f"{code}1"


def characters(bits: str, padding: Sequence[int] = BYTES) -> str:
    """Return bits as base64url, padded to a multiple of each size in turn."""
    for size in padding:
        bits += "0" * (-len(bits) % size)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def groups(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Return ids as groups of neighbours, first and last."""
    found: list[tuple[int, int]] = []
    for one in sorted(ids):
        if found and found[-1][1] == one - 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return found


def header(ids: Iterable[int], padding: Sequence[int] = BYTES) -> str:
    """Return the header that names these sections."""
    entries = groups(ids)
    bits = number(3, 6) + number(1, 6) + number(len(entries), 12)
    before = 0
    for first, last in entries:
        bits += "01"[last > first] + fibonacci(first - before)
        bits += fibonacci(last - first) if last > first else ""
        before = last
    return characters(bits, padding)


def layout_of(section: int, version: object) -> Layout:
    """Return the plain layout of a version of a section."""
    return next(
        layout
        for layout in US_LAYOUTS[section]
        if layout.version in {None, version}
        and all(field.is_shown for field in layout.fields)
    )


def items(fields: Iterable[Field], values: Mapping[str, Any]) -> str:
    """Return the items of some fields."""
    bits = ""
    for field in fields:
        value = values[field.name]
        listed = value if field.is_list else [value]
        assert len(listed) == field.count
        bits += "".join(number(item, 2) for item in listed)
    return bits


def us_section(
    section: int,
    values: Mapping[str, Any],
    *,
    has_subsection: bool = True,
    padding: Sequence[int] = BYTES,
) -> str:
    """Return a US section; ``values`` are by the standard's names."""
    layout = layout_of(section, values.get("Version"))
    version = values["MspaVersion" if layout.version is None else "Version"]
    written = [characters(number(version, 6) + items(layout.fields, values), padding)]
    if has_subsection and layout.has_gpc:
        written.append(characters(number(1, 2) + number(values["Gpc"], 1), padding))
    if has_subsection and layout.subsection:
        written.append(characters(items((layout.subsection,), values), padding))
    return ".".join(written)


def us_privacy(values: Mapping[str, Any]) -> str:
    """Return section 6."""
    letters = (values[name] for name in ("Notice", "OptOutSale", "LspaCovered"))
    return f"1{''.join(letters)}"


def gpp(sections: Mapping[int, str], padding: Sequence[int] = BYTES) -> str:
    """Return a whole string of sections that are written already."""
    return "~".join(
        (header(sections, padding), *(sections[one] for one in sorted(sections)))
    )


def nothing_said(section: int, **values: Any) -> dict[str, Any]:
    """Return the values of a section that says nothing but ``values``."""
    layout = US_LAYOUTS[section][-1]
    fields = (*layout.fields, *((layout.subsection,) if layout.subsection else ()))
    said: dict[str, Any] = {
        field.name: [0] * field.count if field.is_list else 0 for field in fields
    }
    said |= {"Version": layout.version or 0, "MspaVersion": 1, "Gpc": False}
    assert values.keys() <= said.keys()
    return said | values
