"""A token is good as it was issued, until its time is over, and in no other form."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.auth import (
    TOKEN_LIFE,
    ExpiredTokenError,
    InvalidTokenError,
    MissingTokenError,
    bearer_of,
)
from cdp.auth.tokens import new_token, read_token
from cdp.keys import KeyRing

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
LETTERS = "ABYZabyz0189-_.=+/ é\0"


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(client=st.text(max_size=20), late=st.integers(-(10**9), 10**9 + 10**9))
def test_a_token_is_good_before_its_end_and_no_longer(
    ring: KeyRing, client: str, late: int
) -> None:
    token = new_token(ring, client, NOON).access_token
    now = NOON + timedelta(microseconds=late)
    if now < NOON + TOKEN_LIFE:
        assert read_token(ring, token, now).client == client
    else:
        with pytest.raises(ExpiredTokenError):
            read_token(ring, token, now)


@given(position=st.integers(0), letter=st.sampled_from(LETTERS))
def test_a_token_with_one_letter_changed_is_refused(
    ring: KeyRing, position: int, letter: str
) -> None:
    token = new_token(ring, "c_AAAAAAAAAAAA", NOON).access_token
    at = position % len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed == token:
        assert read_token(ring, changed, NOON).client == "c_AAAAAAAAAAAA"
    else:
        with pytest.raises(InvalidTokenError):
            read_token(ring, changed, NOON)


@given(text=st.text(max_size=60))
def test_other_text_is_no_token(ring: KeyRing, text: str) -> None:
    for tried in (text, f"cdpt_{text}", f"cdpt_{text}.{text}"):
        with pytest.raises(InvalidTokenError):
            read_token(ring, tried, NOON)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"\xff\xff\xff",
        b'{"client":"c","exp":1}',
        b'{"client":"c","exp":"never","jti":"j"}',
        b'{"client":"c","exp":1,"jti":"j","roles":["all"]}',
    ],
    ids=["empty", "text", "broken", "less", "type", "more"],
)
def test_a_payload_of_another_form_is_refused_even_when_signed(
    ring: KeyRing, payload: bytes
) -> None:
    body = f"cdpt_{encoded(payload)}"
    signed = f"{body}.{encoded(ring.mac('auth.token', body.encode()))}"
    with pytest.raises(InvalidTokenError):
        read_token(ring, signed, NOON)


@pytest.mark.parametrize("body", ["other_e30", "cdpt_A", "cdpt_" + "A" * 2_000])
def test_a_body_of_another_form_is_refused_even_when_signed(
    ring: KeyRing, body: str
) -> None:
    signed = f"{body}.{encoded(ring.mac('auth.token', body.encode()))}"
    with pytest.raises(InvalidTokenError):
        read_token(ring, signed, NOON)


def test_a_token_says_whose_and_how_long_and_nothing_else(ring: KeyRing) -> None:
    token = new_token(ring, "c_AAAAAAAAAAAA", NOON).access_token
    payload = token.removeprefix("cdpt_").split(".")[0]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert set(said) == {"client", "exp", "jti"}


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer cdpt_x", "cdpt_x"), ("bearer  cdpt_x ", "cdpt_x"), ("BEARER a", "a")],
)
def test_a_bearer_header_holds_its_token(header: str, token: str) -> None:
    assert bearer_of(header) == token


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "cdpt_x"]
)
def test_another_header_holds_no_token(header: str | None) -> None:
    with pytest.raises(MissingTokenError):
        bearer_of(header)
