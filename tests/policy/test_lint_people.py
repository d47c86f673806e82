"""What lint asks of purposes, notices, jurisdictions and senders: all codes."""

from datetime import date
from pathlib import Path

import pytest

from cdp.policy import PolicyError, load
from cdp.policy.lint_people import MAX_SCOPES
from tests.policy.conftest import Folder

CONSENT = (Path(__file__).parent / "consent.yaml").read_text(encoding="utf-8")
TOLD = "items: [user.behavior], retention: P1Y, refusal: {ko: 거부, en: you may}}"

# code, what to replace, by what, and the text of the line of the fault.
CASES = [
    ("type", "separate: promotion", "separate: marketing", "separate: marketing"),
    ("type", "vendor_id: 7", "vendor_id: 0", "kind: standards"),
    ("type", ", vendor_id: 7", "", "kind: standards"),
    ("type", "as: vendor", "as: publisher", "kind: standards"),
    ("type", "from: 2026-01-01\n", "from: 1 January\n", "from: 1 January"),
    ("type", "zone: Asia/Seoul\n", "until: 2026-01-01\n", "kind: notice"),
    ("type", "texts: {ko: aaaa", "texts: {ko: zzzz", "texts:"),
    ("type", "night_of: marketing.push", "level: 4", "level: 4"),
    ("no_basis", ", EU: {type: consent}, unknown: {type: consent}}\nsi", ",\n  "
     "unknown: {type: consent}}\nsi", "basis: {KR: {type: consent}"),
    (
        "unknown_reference",
        "max_age: {EU: P13M}",
        "max_age: {US: P13M}",
        "max_age: {US: P13M}",
    ),
    ("unknown_reference", "  analytics: {purpose", "  analysis: {purpose", "analysis"),
    ("unknown_reference", "covers_past: [analytics]", "covers_past: [ads]", "[ads]"),
    (
        "unknown_reference",
        "recipients: [lab], countries: [DE]}\n  marketing",
        "recipients: [lap], countries: [DE]}\n  marketing",
        "[lap]",
    ),
    ("unknown_reference", "notice: banner-1", "notice: banner-2", "banner-2"),
    ("unknown_reference", "zone: Asia/Seoul\n", "zone: Asia/Soul\n", "Asia/Soul"),
    (
        "unknown_reference",
        "night_of: marketing.push",
        "night_of: marketing.sms",
        "marketing.sms",
    ),
    ("duplicate_key", "kind: standards, tcf", "kind: standards}\n---\n{kind: standards,"
     " key: more, tcf", "key: more"),
    ("night_without_day", "channel: push\n---", "---", "night_of: marketing.push"),
    (
        "night_without_day",
        "channel: push\n---\nkind: purpose",
        "channel: sms\n---\nkind: purpose",
        "night_of: marketing.push",
    ),
    (
        "marketing_by_banner",
        "channel: push\n---",
        "channel: push\nsignals: {category: [C]}\n---",
        "signals: {category: [C]}",
    ),
    (
        "bundled_consents",
        "category: [A, B]",
        "category: [A]",
        "category: [A]}\nscope",
    ),
    (
        "third_party_not_separate",
        "{type: consent, separate: third_party}",
        "{type: consent}",
        "scope: {recipients: [lab]",
    ),
    ("notice_missing", "from: 2026-01-01\n", "from: 2026-01-01\nuntil: 2027-01-01\n",
     "key: analytics"),
    ("notice_missing", f"{TOLD}\n  sharing", "items: [user.behavior]}\n  sharing",
     "key: analytics"),
    ("notice_missing", "[collection, third_party, promotion]", "[collection]",
     "key: sharing"),
    ("notice_missing", "recipients: [lab], countries: [DE]}\n  m",
     "recipients: [lab]}\n  m", "key: sharing"),
    ("notice_missing", "recipients: [lab], countries: [DE]}\n  m",
     "countries: [DE]}\n  m", "key: sharing"),
    ("notice_missing", "category: user.behavior.pages", "category: user.location",
     "key: analytics"),
    ("notice_missing", "key: visits\nretention: P1Y", "key: visits\nretention: P2Y",
     "key: analytics"),
    ("required_marketing", "channel: push\n---", "channel: push\nrequired: true\n---",
     "required: true"),
    (
        "unknown_not_opt_in",
        "EU: {type: consent}, unknown: {type: consent}}\nsi",
        "EU: {type: consent}, unknown: {type: opt_out}}\nsi",
        "unknown: {type: opt_out}}\nsi",
    ),
]  # fmt: skip


def test_the_policy_about_people_holds(folder: Folder) -> None:
    policy = load(folder(CONSENT))
    assert list(policy.scopes) == [
        "analytics",
        "marketing.push",
        "marketing.push.night",
        "sharing",
        "sharing>lab",
    ]
    notice = policy.notices["banner-1"]
    assert (notice.start, notice.until) == (date(2026, 1, 1), None)
    assert policy.standards.tcf is not None
    assert policy.standards.tcf.deleted_cmps[0].id == 10


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)]
)
def test_one_edit_gives_its_code_and_its_line(
    folder: Folder, case: tuple[str, str, str, str]
) -> None:
    rule, old, new, where = case
    assert old in CONSENT
    text = CONSENT.replace(old, new, 1)
    with pytest.raises(PolicyError) as caught:
        load(folder(text))
    lines = {fault.line for fault in caught.value.faults if fault.rule == rule}
    assert lines, caught.value.faults
    if where:
        wanted = {
            text[:match].count("\n") + 1
            for match in range(len(text))
            if text.startswith(where, match)
        }
        assert lines & wanted, (lines, wanted, caught.value.faults)


def test_a_missing_notice_says_what_the_closest_one_leaves_out(folder: Folder) -> None:
    text = CONSENT.replace("category: user.behavior.pages", "category: user.location")
    with pytest.raises(PolicyError) as caught:
        load(folder(text))
    (fault,) = caught.value.faults
    assert fault.message == ("no notice covers it in KR; left out: item user.location")


def test_what_is_said_of_a_family_is_said_of_its_members(folder: Folder) -> None:
    policy = load(folder(CONSENT))
    sharing, analytics = policy.purposes["sharing"], policy.purposes["analytics"]
    basis = [sharing.basis_in(key) for key in ("EU", "EU-FR", "EU-AT", "UK")]
    assert [one and one.type for one in basis] == [
        "consent",
        "consent",
        "contract",  # a state's own word outweighs that of its family
        None,
    ]
    assert [analytics.max_age_in(key) for key in ("EU-AT", "KR")] == ["P13M", None]


def test_third_parties_take_bits_as_purposes_do(folder: Folder) -> None:
    recipient = CONSENT.split("---\n")[-1]
    many = [recipient.replace("key: lab", f"key: lab{n}") for n in range(MAX_SCOPES)]
    named = ", ".join(f"lab{n}" for n in range(MAX_SCOPES))
    text = CONSENT.replace("recipients: [lab]", f"recipients: [{named}]")
    with pytest.raises(PolicyError) as caught:
        load(folder("---\n".join([text, *many])))
    assert "too_many_purposes" in caught.value.rules
