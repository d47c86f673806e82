"""The record: canonical, tied together, and without personal data in its envelope."""

from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cdp.audit.errors import BadRecordError
from cdp.audit.record import (
    Codes,
    Draft,
    Kind,
    Role,
    check_envelope,
    open_plaintext,
    payload_commitment,
    read_envelope,
    set_salt,
    write,
)
from cdp.audit.subjects import commit, split
from cdp.kernel import canonical
from tests.audit.house import ordinals, pull

ID = "019ab2c4-0000-7000-8000-000000000000"
SALT = bytes(range(32))

codes = st.sampled_from(["consent.withdrawn", "US-CA", "a", "rule:12", "x/y#z"])
counts = st.integers(0, 40)
texts = st.text(max_size=20)
drafts = st.builds(
    Draft,
    kind=st.sampled_from(Kind),
    outcome=st.sampled_from(["allowed", "denied", "error"]),
    actor_kind=st.sampled_from(["person", "job", "system"]),
    reason=st.none() | codes,
    rule=st.none() | codes,
    purpose=st.none() | codes,
    policy=st.none() | st.just("ab" * 32),
    watermark=st.none() | counts,
    epoch=st.none() | counts,
    counts=st.dictionaries(codes, counts, max_size=3),
    rows=st.none() | counts,
    bytes=st.none() | counts,
    fields=st.lists(codes, max_size=3).map(tuple),
    returned=st.none() | st.lists(counts).map(lambda values: ordinals(*values)),
    actor=st.none() | texts,
    client=st.none() | texts,
    approvers=st.lists(texts, max_size=2).map(tuple),
    justification=st.none() | texts,
    query=st.none() | texts,
)


def finish(draft: Draft) -> tuple[bytes, bytes]:
    written = write(
        draft, record_id=ID, millis=1_764_072_000_000, salt=SALT, codes=Codes()
    )
    return written.envelope, written.plaintext


@given(drafts)
def test_both_parts_are_canonical_json(draft: Draft) -> None:
    for raw in (finish(draft)[0], finish(draft)[1][32:]):
        value: Any = msgspec.json.decode(raw)
        assert raw == rfc8785.dumps(value) == canonical(value)


@given(drafts)
def test_an_envelope_reads_back_and_opens_its_payload(draft: Draft) -> None:
    raw, plaintext = finish(draft)
    envelope = read_envelope(raw)
    check_envelope(envelope, Codes())
    assert (envelope.v, envelope.id, envelope.kind) == (1, ID, draft.kind)
    assert (envelope.outcome, envelope.reason) == (draft.outcome, draft.reason)
    salt, payload = open_plaintext(plaintext, envelope)
    assert salt == SALT
    assert (payload.actor, payload.counts) == (draft.actor, draft.counts)
    assert envelope.payload == payload_commitment(SALT, plaintext[32:])


@given(drafts)
def test_a_small_count_is_not_told_in_the_envelope(draft: Draft) -> None:
    envelope = read_envelope(finish(draft)[0])
    for key, count in draft.counts.items():
        assert envelope.n[key] == ("<10" if 1 <= count <= 9 else count)
    if draft.rows is not None:
        assert envelope.rows == ("<10" if 1 <= draft.rows <= 9 else draft.rows)


def test_each_set_has_a_salt_of_its_own() -> None:
    same = ordinals(1, 2, 70_000)
    raw, _ = finish(pull(returned=same, withheld=same, incidental=ordinals()))
    envelope = read_envelope(raw)
    assert envelope.returned == commit(split(same), set_salt(SALT, Role.RETURNED))
    assert envelope.withheld == commit(split(same), set_salt(SALT, Role.WITHHELD))
    assert envelope.returned != envelope.withheld
    assert envelope.incidental is not None
    assert envelope.incidental.parts == 0


def test_what_is_not_a_code_does_not_enter_the_envelope() -> None:
    for text in ("kim@example.com", "010 1234", "", "김", "a" * 129, "a\n", "+82"):
        for field in ("reason", "rule", "purpose", "recipient", "release", "policy"):
            with pytest.raises(BadRecordError, match="codes alone"):
                finish(pull(0, **{field: text}))
        with pytest.raises(BadRecordError, match="codes alone"):
            finish(pull(fields=(text,)))
        with pytest.raises(BadRecordError, match="codes alone"):
            finish(pull(counts={text: 1}))
        with pytest.raises(BadRecordError, match="codes alone"):
            finish(pull(prev=text))


def test_nothing_of_the_payload_shows_in_the_envelope() -> None:
    secret = "kim.min-ji"
    draft = Draft(
        kind=Kind.PROFILE_READ,
        actor=secret,
        client=secret,
        on_behalf_of=secret,
        session=secret,
        approvers=(secret,),
        source_address=secret,
        agent=secret,
        host=secret,
        trace=secret,
        reason_code=secret,
        ticket=secret,
        justification=secret,
        query=secret,
        signal=secret,
    )
    raw, plaintext = finish(draft)
    assert secret.encode() not in raw
    assert plaintext.count(secret.encode()) == 14


@pytest.mark.parametrize(
    "more",
    [
        {"counts": {"returned": -1}},
        {"counts": {"returned": 2**53}},
        {"rows": -1},
        {"watermark": -1},
        {"bytes": 2**53},
        {"justification": "x" * 501},
        {"fields": tuple(f"{'f' * 100}{n}" for n in range(1_000))},
    ],
)
def test_a_record_has_bounds(more: dict[str, Any]) -> None:
    with pytest.raises(BadRecordError):
        finish(pull(**more))


def test_an_entry_that_is_not_exactly_an_envelope_is_refused() -> None:
    raw = finish(pull())[0]
    for wrong in (
        b"",
        b"[]",
        b"\xff",
        raw + b" ",
        raw.replace(b'"v":1', b'"v": 1'),
        raw.replace(b'"kind":"release.pull"', b'"kind":"release.push"'),
        raw.replace(b'"v":1', b'"v":1,"who":"x"'),
        raw.replace(b'"rfm"', b'"\\u0072fm"'),
    ):
        with pytest.raises(BadRecordError):
            read_envelope(wrong)
    for field, text in (("payload", "00"), ("reason", "a b"), ("prev", "a b")):
        envelope = msgspec.structs.replace(read_envelope(raw), **{field: text})
        with pytest.raises(BadRecordError):
            check_envelope(envelope, Codes())


def test_another_payload_is_noticed() -> None:
    raw, plaintext = finish(pull())
    for wrong in (plaintext[:-1], plaintext[1:], SALT + b"{}"):
        with pytest.raises(BadRecordError):
            open_plaintext(wrong, read_envelope(raw))
    odd = msgspec.structs.replace(
        read_envelope(raw), payload=payload_commitment(SALT, b'{"who":1}')
    )
    with pytest.raises(BadRecordError, match="decode"):
        open_plaintext(SALT + b'{"who":1}', odd)


def test_the_memory_of_codes_is_bounded() -> None:
    known = Codes(most=2)
    for number in range(10):
        known.check((f"code{number}", None))
    with pytest.raises(BadRecordError):
        known.check(("not a code",))
