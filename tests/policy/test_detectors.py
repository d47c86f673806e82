import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.policy.detectors import (
    find,
    looks_like_rrn,
    mask,
    number_looks_like_rrn,
    passes_luhn,
)
from cdp.policy.documents import DetectKind

VECTORS = Path(__file__).parents[2].parent / "shared/vectors/korean_pii_presidio.json"
KINDS = get_args(DetectKind)
# Few pieces, so that numbers touch each other, words and the ends of the text.
texts = st.lists(
    st.sampled_from(
        ["960121", "-", "1234567", "5234567", "4111 1111 1111 1111", "M123A4567", " ",
         "010-1234-5678", "kim@mail.example", "１", "가", "a", "@", ".", "***"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


def test_the_published_cases_give_exactly_their_spans() -> None:
    if not VECTORS.exists():
        pytest.skip("the shared vectors are not beside the project")
    vectors: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    kinds: list[DetectKind] = ["KR_RRN", "KR_DRIVER_LICENSE", "KR_PASSPORT"]
    for kind in kinds:
        assert vectors[kind]
        for case in vectors[kind]:
            spans = [(start, end) for start, end, _ in case["spans"]]
            assert find(case["text"], [kind]) == spans, case["text"]


@pytest.mark.parametrize(
    "text",
    [
        "960121-1234567",
        "9601211234567",
        "960121 1234567",
        "960121–1234567",
        "９６０１２１－１２３４５６７",
        "주민번호는 960121-1234567입니다",
        "960121-5234567",
        "000101-3123456",
        "id960121-1234567x",
    ],
)
def test_a_registration_number_is_found_however_it_is_spelled(text: str) -> None:
    assert looks_like_rrn(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "961321-1234567",
        "960132-1234567",
        "960121-9234567",
        "960121-12345678",
        "1960121-1234567",
        "2f1b9601-2112-4345-8678-960121123456",
        "2026-01-21",
    ],
)
def test_what_has_another_shape_is_not_a_registration_number(text: str) -> None:
    assert not looks_like_rrn(text)


def test_a_number_may_have_lost_its_leading_zero() -> None:
    assert number_looks_like_rrn(9601211021413)
    assert number_looks_like_rrn(509122000019)
    assert not number_looks_like_rrn(1_700_000_000_000)
    assert not number_looks_like_rrn(96012110214130)
    assert not number_looks_like_rrn(12)


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("CARD", "card 4111-1111-1111-1111.", ["4111-1111-1111-1111"]),
        ("CARD", "4111-1111-1111-1112", []),
        ("EMAIL", "to kim.lee+x@mail.example today", ["kim.lee+x@mail.example"]),
        ("EMAIL", "메일:김@회사.한국 끝", ["김@회사.한국"]),
        ("EMAIL", "kim at mail", []),
        ("PHONE", "call 010-1234-5678", ["010-1234-5678"]),
        ("PHONE", "+82 10 1234 5678", ["+82 10 1234 5678"]),
        ("PHONE", "02-123-4567", ["02-123-4567"]),
        ("PHONE", "+1 415 555 0100", ["+1 415 555 0100"]),
        ("PHONE", "order 20261125", []),
        ("KR_FRN", "960121-6234567", ["960121-6234567"]),
        ("KR_FRN", "960121-1234567", []),
    ],
)
def test_other_numbers_are_found_by_their_form(
    kind: DetectKind, text: str, found: list[str]
) -> None:
    assert [text[start:end] for start, end in find(text, [kind])] == found


def test_luhn_takes_the_number_of_the_standard_and_no_neighbour() -> None:
    assert passes_luhn("79927398713")
    assert not any(passes_luhn(f"7992739871{digit}") for digit in (0, 1, 2, 4, 9))


@given(texts)
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = find(text, KINDS)
    flat = [position for span in spans for position in span]
    assert flat == sorted(flat)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@given(texts)
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask(text, KINDS)
    assert mask(once, KINDS) == once
    assert not find(once, KINDS)
    assert not looks_like_rrn(once)
