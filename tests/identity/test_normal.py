"""One spelling for each identifier; what is no identifier is dropped, and says why."""

import hashlib
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.identity import (
    BLOCKED_VALUES,
    STANDARD_NAMESPACES,
    Dropped,
    DropRule,
    Form,
    IdentityRules,
    Namespace,
    Normalized,
    normalize,
)
from cdp.identity.normal import _PLAIN_ADDRESS, _local_and_domain, normal_form

GA = Namespace(
    name="email_ga",
    form=Form.EMAIL_GA,
    strong=True,
    per_profile=5,
    degree_stronger=3,
    degree_all=200,
)
RULES = IdentityRules(
    namespaces=(*STANDARD_NAMESPACES, GA),
    role_addresses=frozenset({"info@shop.kr"}),
    blocked_by_source={"kiosk": frozenset({"kiosk-cookie-of-the-first-floor"})},
)
DEMO = msgspec.structs.replace(RULES, reserved_domains=frozenset())


def spelt(namespace: str, value: object, region: str | None = None) -> bytes | DropRule:
    found = normalize(namespace, value, RULES, source="web", region=region)
    return found.digest_input if isinstance(found, Normalized) else found.rule


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("  u-17 ", "u-17"),
        ("Kim", "Kim"),
        (42, "42"),
        (10**30, str(10**30)),
        ("e\u0301", "é"),
        ("홍길동", "홍길동"),
        ("\u1112\u1169\u11bc", "홍"),
        ('"quoted"', '"quoted"'),
    ],
)
def test_user_ids(value: object, form: str) -> None:
    assert spelt("user_id", value) == form.encode()


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("Kim@Shop.KR", "kim@shop.kr"),
        (" kim@shop.kr. ", "kim@shop.kr"),
        ("kim+news@shop.kr", "kim+news@shop.kr"),
        ("k.i.m@gmail.com", "k.i.m@gmail.com"),
        ("kim@쇼핑.kr", "kim@xn--tv-yq3jd.kr"),
        ("ｋｉｍ＠ｓｈｏｐ．ｋｒ", "kim@shop.kr"),
        ("kim@shop。kr", "kim@shop.kr"),
        ("kim@BÜCHER.de", "kim@xn--bcher-kva.de"),
        ("kim@straße.de", "kim@xn--strae-oqa.de"),
        ("Straße@shop.kr", "straße@shop.kr"),
        ("o'neil/dept=1@mail.shop.kr", "o'neil/dept=1@mail.shop.kr"),
        ("a" * 64 + "@shop.kr", "a" * 64 + "@shop.kr"),
    ],
)
def test_emails(value: str, form: str) -> None:
    if "쇼핑" in value:
        form = "kim@" + "쇼핑.kr".encode("idna").decode()
    assert spelt("email", value) == sha(form)


@pytest.mark.parametrize(
    "value",
    [
        "kim",
        "@shop.kr",
        "kim@",
        "kim@@shop.kr",
        "kim@shop@kr",
        "kim lee@shop.kr",
        "kim@shop..kr",
        "kim@shop.kr..",
        "kim@.kr",
        "kim@-shop.kr",
        "kim@sh_op.kr",
        "kim@[127.0.0.1]",
        "kim@xn--a.kr",
        "kim@" + "a" * 64 + ".kr",
        "a" * 65 + "@shop.kr",
        "가" * 22 + "@shop.kr",
        "a@" + "b." * 126 + "krr",
    ],
)
def test_what_is_no_email_is_dropped(value: str) -> None:
    assert spelt("email", value) is DropRule.MALFORMED


@pytest.mark.parametrize(
    "value",
    ["010-1234-5678", "1012345678", "+82 010-1234-5678", "０１０－１２３４－５６７８"],
)
def test_a_korean_number_has_one_spelling(value: str) -> None:
    assert spelt("phone", value, "KR") == sha("+821012345678")


def test_a_number_sent_as_an_integer_is_a_number() -> None:
    assert spelt("phone", 1012345678, "KR") == sha("+821012345678")


def test_a_number_of_a_firm_is_a_number() -> None:
    assert isinstance(spelt("phone", "15881234", "KR"), bytes)


@pytest.mark.parametrize(
    ("value", "region", "rule"),
    [
        ("010-1234-5678", None, DropRule.MALFORMED),
        ("0082 10 1234 5678", "KR", DropRule.MALFORMED),
        ("02-312-3456 ext. 7", "KR", DropRule.EXTENSION),
        ("12", "KR", DropRule.MALFORMED),
        ("call me", "KR", DropRule.MALFORMED),
        ("+1 555", None, DropRule.MALFORMED),
    ],
)
def test_what_is_no_phone_number_is_dropped(
    value: str, region: str | None, rule: DropRule
) -> None:
    assert spelt("phone", value, region) is rule


def test_a_number_with_plus_needs_no_region() -> None:
    assert spelt("phone", "+82 10-1234-5678") == sha("+821012345678")


def test_uuids_are_lower_case_and_other_device_ids_keep_their_case() -> None:
    uuid = "F47AC10B-58CC-4372-A567-0E02B2C3D479"
    assert spelt("device", uuid) == uuid.lower().encode()
    assert spelt("cookie", "Abcdefghijklmnop") == b"Abcdefghijklmnop"


def test_a_short_device_id_counts_within_its_source_only() -> None:
    one = normalize("device", "SM-G991N-1234", RULES, source="web")
    other = normalize("device", "SM-G991N-1234", RULES, source="app")
    assert one != other
    long = "0123456789abcdef"
    assert normalize("device", long, RULES, source="web") == normalize(
        "device", long, RULES, source="app"
    )


def test_a_value_hashed_before_it_was_sent_meets_the_raw_one() -> None:
    raw = spelt("email", "Kim@Shop.kr")
    assert spelt("email", sha("kim@shop.kr").hex()) == raw
    assert spelt("email_sha256", sha("kim@shop.kr").hex().upper()) == raw
    phone = spelt("phone", "+821012345678")
    assert spelt("phone_sha256", sha("+821012345678").hex()) == phone
    found = normalize("email_sha256", "kim@shop.kr", RULES, source="web")
    assert found == Normalized("email", sha("kim@shop.kr"))


@pytest.mark.parametrize("digits", [32, 40])
def test_weak_hashes_are_dropped(digits: int) -> None:
    assert spelt("email", "a1" * (digits // 2)) is DropRule.WEAK_HASH


def test_hex_is_no_hash_where_values_are_not_hashed() -> None:
    assert spelt("user_id", "a1" * 16) == b"a1" * 16


def test_dots_of_gmail_are_dropped_only_where_hashes_were_made_so() -> None:
    assert spelt("email_ga", "K.i.m@Gmail.com") == sha("kim@gmail.com")
    assert spelt("email_ga", "k.i.m@shop.kr") == sha("k.i.m@shop.kr")
    assert spelt("email_ga", ".@gmail.com") is DropRule.MALFORMED


@pytest.mark.parametrize("value", sorted(BLOCKED_VALUES))
@pytest.mark.parametrize("shape", ["{}", " {} ", '"{}"', "'{}'", ' " {} " '])
def test_blocked_values_are_nobody(value: str, shape: str) -> None:
    for text in (value, value.upper(), value.title()):
        for namespace in ("user_id", "email", "cookie"):
            rule = spelt(namespace, shape.format(text))
            assert rule in (DropRule.BLOCKED, DropRule.PATTERN)


def test_blocked_values_are_nobody_in_wide_letters_too() -> None:
    assert spelt("user_id", "ｎｕｌｌ") is DropRule.BLOCKED


@pytest.mark.parametrize(
    "value",
    [
        0,
        "0",
        "-1",
        -1,
        "000-000",
        "00000000-0000-0000-0000-000000000000",
        "xxxxxxxx",
        "11111111111",
        "----",
    ],
    ids=repr,
)
def test_patterns_are_nobody(value: object) -> None:
    assert spelt("user_id", value) is DropRule.PATTERN


@pytest.mark.parametrize("value", ["user_id", "userId", "USER_ID"])
def test_a_value_that_is_the_name_of_its_field_is_nobody(value: str) -> None:
    assert spelt("user_id", value) is DropRule.PATTERN
    assert spelt("cookie", value) not in (DropRule.PATTERN, DropRule.BLOCKED)


@pytest.mark.parametrize("value", ["", "null", "undefined", "0", "info@shop.kr"])
def test_hashes_of_blocked_values_are_nobody(value: str) -> None:
    for namespace in ("email", "user_id", "cookie"):
        assert spelt(namespace, sha(value).hex()) is DropRule.HASH
    assert spelt("email", sha(value).hex().upper()) is DropRule.HASH


@pytest.mark.parametrize(
    "value", ["a@example.com", "a@mail.example.org", "a@shop.test", "a@localhost"]
)
def test_reserved_domains_are_nobody_but_in_demos(value: str) -> None:
    assert spelt("email", value) is DropRule.RESERVED_DOMAIN
    assert isinstance(normalize("email", value, DEMO, source="web"), Normalized)


def test_a_domain_that_only_ends_like_a_reserved_one_is_not_reserved() -> None:
    assert spelt("email", "a@myexample.com") == sha("a@myexample.com")


def test_role_addresses_are_nobody() -> None:
    assert spelt("email", "Info@shop.kr") is DropRule.ROLE_ADDRESS


def test_a_source_has_blocked_values_of_its_own() -> None:
    value = "kiosk-cookie-of-the-first-floor"
    assert normalize("cookie", value, RULES, source="kiosk") == Dropped(
        "cookie", DropRule.SOURCE
    )
    assert isinstance(normalize("cookie", value, RULES, source="web"), Normalized)


@pytest.mark.parametrize(
    ("namespace", "value", "rule"),
    [
        ("fingerprint", "abc", DropRule.NAMESPACE),
        ("user_id_sha256", "abc", DropRule.NAMESPACE),
        ("user_id", None, DropRule.TYPE),
        ("user_id", 1.0, DropRule.TYPE),
        ("user_id", True, DropRule.TYPE),
        ("user_id", ["a"], DropRule.TYPE),
        ("user_id", b"abc", DropRule.TYPE),
        ("user_id", "a\x00b", DropRule.CONTROL),
        ("user_id", "a\x85b", DropRule.CONTROL),
        ("user_id", "a\ud800b", DropRule.MALFORMED),
        ("user_id", "ab" * 257, DropRule.LENGTH),
        ("user_id", "가나" * 86, DropRule.LENGTH),
        ("user_id", "ab" * 10_000, DropRule.LENGTH),
        ("user_id", "   ", DropRule.BLOCKED),
    ],
)
def test_what_is_no_identifier_says_why(
    namespace: str, value: object, rule: DropRule
) -> None:
    assert spelt(namespace, value) is rule


def test_the_longest_value_is_taken() -> None:
    assert spelt("user_id", "ab" * 256) == b"ab" * 256


def test_the_anchor_is_the_strongest_and_among_equals_the_first() -> None:
    assert RULES.anchor(["cookie", "email", "phone", "email"]) == 1
    assert RULES.anchor(["device"]) == 0


def test_no_repr_holds_a_value() -> None:
    found = normalize("user_id", "kim-17", RULES, source="web")
    assert repr(found) == "Normalized('user_id')"


addresses = st.builds(
    "{}{}{}".format,
    st.text(max_size=8),
    st.sampled_from(["@", "@", "@", "", "＠", "@@"]),
    st.one_of(
        st.text(string.ascii_letters + ".-。ßéİⅣ한글", max_size=12),
        st.sampled_from(
            ["shop.kr", "BÜCHER.de", "쇼핑.한국", "a.b.", "xn--bcher-kva.de"]
        ),
    ),
)
numbers = st.builds(
    "{}{}".format,
    st.sampled_from(["", "+", "+82", "010", "00", "+1 ", "＋82"]),
    st.text(string.digits + " -().x#٠１;", max_size=14),
)
values = st.one_of(st.text(max_size=20), addresses, numbers, st.characters())


@given(st.sampled_from(RULES.namespaces), values, st.sampled_from([None, "KR", "US"]))
def test_a_normal_form_is_its_own_normal_form(
    namespace: Namespace, value: str, region: str | None
) -> None:
    found = normalize(namespace.name, value, RULES, source="web", region=region)
    if isinstance(found, Dropped):
        return
    form = normal_form(value.strip(), namespace, RULES, region)
    assert not isinstance(form, DropRule)
    again = normalize(namespace.name, form, RULES, source="web", region=region)
    assert again == found


@given(
    st.sampled_from(RULES.namespaces),
    st.one_of(
        values, st.none(), st.integers(), st.floats(), st.binary(), st.booleans()
    ),
)
def test_no_value_raises(namespace: Namespace, value: object) -> None:
    found = normalize(namespace.name, value, RULES, source="web", region="KR")
    assert isinstance(found, Normalized | Dropped)
    if isinstance(found, Normalized):
        assert 1 <= len(found.digest_input) <= 512 + len("web") + 1


@given(st.one_of(addresses, st.from_regex(_PLAIN_ADDRESS, fullmatch=True)))
def test_the_short_way_for_plain_addresses_agrees_with_the_long_one(value: str) -> None:
    short = _PLAIN_ADDRESS.fullmatch(value)
    if short is not None and len(short.group(2)) < 254:
        assert _local_and_domain(value) == short.groups()
