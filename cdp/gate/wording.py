"""What the codes of a decision mean, for people: in English and in Korean.

A rule has a title and its source, and so an explanation needs no second page: in
English they are the rule's own. A code without words stands for itself; a test holds
the tables complete.

Refuses: deciding anything. Not legal advice.

Source: rules R1 to R20 of the consent design; PIPA = 개인정보 보호법, Network Act =
정보통신망법.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

from cdp.consent import Rule

Language: TypeAlias = Literal["en", "ko"]


class Words(NamedTuple):
    """One text in both languages."""

    en: str
    ko: str


class RuleWords(NamedTuple):
    """A rule's title in both languages, and where it comes from."""

    en: str
    ko: str
    source: str


_KOREAN: Final[dict[Rule, str]] = {
    Rule.R1: "없거나 읽을 수 없거나 알 수 없는 것은 동의가 아니다",
    Rule.R2: "낮은 순위는 거부할 수 있으나 높은 순위의 거부를 뒤집지 못한다",
    Rule.R3: "순위가 같으면 나중의 결정이 우선하고, 같은 때이면 거부한다",
    Rule.R4: "이벤트의 동의 정보는 그 이벤트만 좁힌다",
    Rule.R5: "Sec-GPC: 1은 그 브라우저와 연결된 사람 모두의 거부이다",
    Rule.R6: "GPC 뒤에는 충돌 안내를 보고 한 동의만 인정한다",
    Rule.R7: "그 밖의 곳에서 GPC는 마케팅 프로파일링에 대한 반대이다",
    Rule.R8: "정한 기간이 지나기 전에는 다시 묻지 않는다",
    Rule.R9: "TC 문자열은 모든 조건을 갖추어야 동의가 된다",
    Rule.R10: "Consent Mode에서 정하지 않은 것은 아무 뜻이 없다",
    Rule.R11: "거부 상태에서 모은 정보는 계속 닫혀 있다",
    Rule.R12: "연결은 권한을 넓히지 않는다. 한쪽의 거부는 전체의 거부이다",
    Rule.R13: "관할의 기본값과 아동에게 필요한 요건",
    Rule.R14: "광고는 별도의 동의가, 야간에는 또 하나의 동의가 필요하다",
    Rule.R15: "선택 항목의 거부로 서비스를 막지 않는다",
    Rule.R16: "동의는 기간이 지나면 끝난다",
    Rule.R17: "동의는 그때 고지한 범위까지만 미친다",
    Rule.R18: "동의 철회는 즉시 효력이 있다",
    Rule.R19: "관할이 여럿이면 모두 허용해야 한다",
    Rule.R20: "모든 결정은 그 근거를 밝힌다",
    Rule.SILENT_PART: "이 목적에서는 침묵한 한 부분이 전체를 거부한다",
    Rule.RESTRICTION: "정보주체가 처리정지를 요구하였다",
}

RULES: Final[dict[str, RuleWords]] = {
    rule.value: RuleWords(rule.heading, _KOREAN[rule], rule.source) for rule in Rule
}

REASONS: Final[dict[str, Words]] = {
    "consent.never_asked": Words("nobody said anything", "아무도 의사를 밝히지 않았다"),
    "consent.unknown_jurisdiction": Words(
        "the place is unknown to the policy", "정책이 모르는 관할이다"
    ),
    "consent.unknown_scope": Words(
        "the purpose is unknown to the policy", "정책이 모르는 목적이다"
    ),
    "consent.unreadable": Words(
        "what was said cannot be read", "받은 내용을 읽을 수 없다"
    ),
    "consent.expired": Words("the grant is too old", "동의 기간이 지났다"),
    "consent.notice": Words(
        "the notice did not cover this", "고지한 범위에 들지 않는다"
    ),
    "consent.guardian": Words(
        "a guardian's consent is needed", "법정대리인의 동의가 필요하다"
    ),
    "consent.night": Words(
        "at night a consent of its own is needed", "야간에는 별도의 동의가 필요하다"
    ),
    "consent.gpc": Words(
        "the browser opted out (Sec-GPC)", "브라우저가 거부하였다(Sec-GPC)"
    ),
    "consent.denied": Words("the person said no", "본인이 거부하였다"),
    "consent.withdrawn": Words("the person withdrew", "본인이 동의를 철회하였다"),
    "consent.conflict": Words(
        "parts of the person decided differently", "같은 사람의 결정이 서로 다르다"
    ),
    "rights.restricted": Words("processing is restricted", "처리정지 상태이다"),
}

LOST: Final[dict[str, Words]] = {
    "older": Words("a later one decided", "더 나중의 결정이 있다"),
    "tie": Words("at the same instant a denial wins", "같은 때에는 거부가 우선한다"),
    "worse_rank": Words("a better source decided", "더 높은 순위가 결정하였다"),
    "answered": Words("a later grant answered it", "나중의 동의가 이를 대신하였다"),
    "expired": Words("its time has run out", "기간이 지났다"),
    "ended": Words("its own source ended it", "같은 출처가 이를 끝냈다"),
    "needs_conflict_notice": Words(
        "after GPC a conflict notice is needed", "GPC 뒤에는 충돌 안내가 필요하다"
    ),
    "restricted": Words("processing is restricted", "처리정지 상태이다"),
    "other_handle": Words(
        "another identifier of the person decided",
        "같은 사람의 다른 식별자가 결정하였다",
    ),
    "unreadable": Words("it cannot be read", "읽을 수 없다"),
    "unknown_jurisdiction": Words(
        "its place is unknown to the policy", "정책이 모르는 관할이다"
    ),
    "notice": Words("its notice did not cover this", "고지한 범위에 들지 않는다"),
    "guardian": Words(
        "a guardian's consent was needed", "법정대리인의 동의가 필요하였다"
    ),
}

CARRIERS: Final[dict[str, Words]] = {
    "segment": Words("categories (Segment)", "카테고리(Segment)"),
    "segment.change": Words("change of categories (Segment)", "카테고리 변경(Segment)"),
    "rudderstack": Words("categories (RudderStack)", "카테고리(RudderStack)"),
    "snowplow": Words("preferences (Snowplow)", "설정(Snowplow)"),
    "tcf": Words("TC string", "TC 문자열"),
    "gpp": Words("GPP string", "GPP 문자열"),
    "consent_mode": Words("Consent Mode", "Consent Mode"),
    "ga4": Words("GA4 consent", "GA4 동의"),
    "gpc": Words("browser signal Sec-GPC", "브라우저 신호 Sec-GPC"),
    "api": Words("the person's choice, by API", "본인의 선택(API)"),
    "page": Words("the person's choice, on our page", "본인의 선택(설정 페이지)"),
    "import": Words("import", "일괄 등록"),
    "rights": Words("request of the person", "정보주체의 요구"),
    "split": Words("carried over from before a split", "분리 전의 거부를 이어받음"),
}

RANKS: Final[dict[int, Words]] = {
    1: Words("the person's own choice", "본인의 명시적 선택"),
    2: Words("a choice on the device", "기기에서 한 선택"),
    3: Words("a consent string", "동의 문자열"),
    4: Words("category flags", "카테고리 표시"),
    5: Words("Consent Mode", "Consent Mode"),
    6: Words("an import with a basis", "근거 있는 일괄 등록"),
}


def in_words(words: Words | RuleWords | None, language: Language, code: str) -> str:
    """Return a text in a language; the code itself where there are no words."""
    if words is None:
        return code
    return words.ko if language == "ko" else words.en
