"""Signed notes: what is accepted, by whom, and that nothing nearly right passes."""

from collections.abc import Mapping

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from cdp.audit.errors import BadKeyError, BadNoteError
from cdp.audit.note import (
    ALGORITHMS,
    ECDSA,
    Check,
    VerifierKey,
    open_note,
    parse_verifier_key,
    sign_note,
)
from cdp.keys import Signer
from tests.audit.house import unbase64, vectors

SEED = bytes(range(32))
NEIGHBOUR = Signer("neighbour", 1, bytes(32))
OURS = Signer("ours", 1, SEED)
NAME = "cdp.example.com/audit"


def check_ecdsa(public: bytes, signature: bytes, message: bytes) -> bool:
    """The log of a phone maker signs with P-256; the project itself does not."""
    key = load_der_public_key(public)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


ALL: Mapping[int, Check] = {**ALGORITHMS, ECDSA: check_ecdsa}


def ours() -> VerifierKey:
    return VerifierKey(name=NAME, algorithm=1, public=OURS.public)


def signed(text: str = "a text\n") -> bytes:
    return sign_note(text, NAME, OURS.public, OURS.sign)


def test_the_published_notes_open() -> None:
    for case in vectors("signed_notes")["accept"]:
        keys = [parse_verifier_key(text) for text in case["vkeys"]]
        opened = open_note(case["note"].encode(), keys, ALL)
        assert [key.name for key in opened.verified] == case["verified"], case["name"]
        assert list(opened.unverified) == case["unverified"], case["name"]


def test_the_published_bad_notes_do_not_open() -> None:
    for case in vectors("signed_notes")["reject"]:
        keys = [parse_verifier_key(text) for text in case["vkeys"]]
        with pytest.raises(BadNoteError):
            open_note(case["note"].encode(), keys)


def test_the_published_signer_gives_exactly_its_signature() -> None:
    for case in vectors("signed_notes")["signers"]:
        _, _, name, _, encoded = case["skey"].split("+", 4)
        signer = Signer(name, 1, unbase64(encoded)[1:])
        note = sign_note(case["text"], name, signer.public, signer.sign)
        assert note == case["want"].encode()


def test_the_published_verifier_keys_are_told_apart() -> None:
    cases = vectors("signed_notes")["vkeys"]
    for text in cases["good"]:
        assert parse_verifier_key(text).text == text
    for case in cases["bad"]:
        with pytest.raises(BadKeyError):
            parse_verifier_key(case["vkey"])


def test_nothing_nearly_a_verifier_key_is_one() -> None:
    text = ours().text
    assert parse_verifier_key(text) == ours()
    wrong = {text[:cut] for cut in range(len(text))}
    wrong |= {text[cut:] for cut in range(1, len(text))}
    wrong |= {
        text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))
    }
    for attempt in wrong:
        with pytest.raises(BadKeyError):
            parse_verifier_key(attempt)


@given(st.integers(0, len(signed()) * 8 - 1))
def test_no_note_with_a_flipped_bit_opens(bit: int) -> None:
    raw = bytearray(signed())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadNoteError):
        open_note(bytes(raw), [ours()])


def test_unknown_signatures_are_ignored_and_a_bad_known_one_rejects() -> None:
    other = VerifierKey(name="neighbour", algorithm=1, public=NEIGHBOUR.public)
    both = (
        signed()
        + sign_note("a text\n", "neighbour", NEIGHBOUR.public, OURS.sign)[
            len("a text\n\n") :
        ]
    )
    assert open_note(both, [ours()]).unverified == ("neighbour",)
    with pytest.raises(BadNoteError, match="neighbour"):
        open_note(both, [ours(), other])


def test_a_repeated_line_counts_once_and_too_many_lines_are_refused() -> None:
    line = signed()[len("a text\n\n") :]
    assert len(open_note(signed() + line * 15, [ours()]).verified) == 1
    with pytest.raises(BadNoteError, match="too many"):
        open_note(signed() + line * 100, [ours()])


def test_the_last_empty_line_separates() -> None:
    assert open_note(signed("a\n\nb\n"), [ours()]).text == "a\n\nb\n"


@pytest.mark.parametrize("text", ["no newline", "tab\there\n", ""])
def test_only_a_text_can_be_signed(text: str) -> None:
    with pytest.raises(BadNoteError):
        signed(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b"])
def test_only_a_name_can_name_a_key(name: str) -> None:
    with pytest.raises(BadKeyError):
        sign_note("a\n", name, OURS.public, OURS.sign)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n",
        b"a\n\n\xe2\x80\x94 a\n",
        b"a\n\n\xe2\x80\x94 a AAAA\n",
        b"a\n\n\xe2\x80\x94 a AAAAAAB=\n",
        b"a\n\n- a AAAAAAA=\n",
        b"a\n\n\xe2\x80\x94 a AAAAAAA=",
    ],
)
def test_malformed_notes_are_refused(raw: bytes) -> None:
    with pytest.raises(BadNoteError):
        open_note(raw, [ours()])
