"""The rules by their numbers: what each says, where it comes from, and an example.

A decision names the rule that decided it (R20), and an explanation prints the rule's
heading and source. Values and codes are stable and public; a code is stored.

Not legal advice. "To confirm" stands where a source has not been read in force.

Source: section 4 of the consent design, which names the law of each rule.
"""

from enum import StrEnum


class Rule(StrEnum):
    """The rule that decided.

    Args:
        code: the number that is stored; it never changes its meaning.
        heading: what the rule says, in one sentence.
        source: the law, the standard, or "our rule".
        example: a case, and what it is decided to.
    """

    code: int
    heading: str
    source: str
    example: str

    def __new__(
        cls, value: str, code: int, heading: str, source: str, example: str
    ) -> "Rule":
        """Make a member whose docstring is its law."""
        rule = str.__new__(cls, value)
        rule._value_ = value
        rule.code = code
        rule.heading = heading
        rule.source = source
        rule.example = example
        rule.__doc__ = f"{heading}.\n\nSource: {source}.\n\nExample: {example}."
        return rule

    R1 = (
        "R1",
        1,
        "What is missing, unreadable, or of an unknown jurisdiction never grants",
        "GDPR 4(11), 7(1); PIPA 22(3)",
        "Korea, no consent object: denied, never asked",
    )
    R2 = (
        "R2",
        2,
        "Ranks count for grants only: a lower source denies, and overturns no denial",
        "IAB TCF: only a consent platform makes the string; our rule for the others",
        "a person's denial, later a grant of a category flag: denied",
    )
    R3 = (
        "R3",
        3,
        "Among equals the latest wins, a tie denies, a late old grant revives nothing",
        "GDPR 7(3); that a tie denies is our rule",
        "withdrawn at 10:00, a grant of 09:00 arrives at 11:00: denied",
    )
    R4 = (
        "R4",
        4,
        "A statement on an event narrows that event alone",
        "Segment's documentation of consent on events and on profiles",
        "a granting profile, an event that denies analytics: this event is closed",
    )
    R5 = (
        "R5",
        5,
        "GPC opts the browser and every profile tied to it out of sale and sharing",
        "11 CCR 7025(c)(1)",
        "GPC on a cookie, a login next day: the profile is denied",
    )
    R6 = (
        "R6",
        6,
        "GPC beats an earlier opt-in; a known person's answer to a notice of the "
        "conflict beats GPC",
        "11 CCR 7025(c)(3)",
        "a plain opt-in after GPC: denied; one under a conflict notice: granted",
    )
    R7 = (
        "R7",
        7,
        "Where sale is not regulated GPC is an objection to marketing profiles, and "
        "touches no contract",
        "GDPR 21(2), (3), (5); the text of GPC leaves its effect to the law",
        "European Union, GPC: segmentation denied, the service untouched",
    )
    R8 = (
        "R8",
        8,
        "Who refused is not asked again for a while",
        "CCPA 1798.135(c)(4), to confirm; EU Digital Omnibus art. 88a, a proposal",
        "an opt-out of 2026-03-01: asking before 2027-03-01 is refused",
    )
    R9 = (
        "R9",
        9,
        "A TC string grants only under all conditions of its framework",
        "IAB TCF 2.2 and 2.3",
        "the purpose bit is set and the vendor bit is clear: denied",
    )
    R10 = (
        "R10",
        10,
        "Consent Mode: l says nothing, p q m u deny, t r n v grant; gcs fills what gcd "
        "left unset",
        "no specification; the agreement of five decoders",
        "13l3l3l3l5l1 with G110: ad_storage granted, analytics_storage denied",
    )
    R11 = (
        "R11",
        11,
        "What was collected under a denial stays closed, unless a new notice covers "
        "the past",
        "11 CCR 7025(c)(1); GDPR 5(1)(b)",
        "browsed denied, then a grant: the earlier events stay closed",
    )
    R12 = (
        "R12",
        12,
        "A merge never widens, and an unmerge restores",
        "our rule",
        "one part granted, one denied: denied both; apart again: as they were",
    )
    R13 = (
        "R13",
        13,
        "Silence is what the jurisdiction makes of it, and a child does not decide "
        "alone",
        "PIPA 22-2(1); CCPA 1798.120(c), to confirm; GDPR 8",
        "Korea, aged 13, the child's own click: denied, a guardian is missing",
    )
    R14 = (
        "R14",
        14,
        "Promotion is a consent of its own, and sending it at night a second one",
        "PIPA 22(1)7; Network Act 50(1), 50(3), decree 61(2)",
        "push at 21:00 with the consent of the day alone: denied",
    )
    R15 = (
        "R15",
        15,
        "Refusing what is optional never blocks the service",
        "PIPA 16(3), 22(5)",
        "everything optional denied: the service is granted",
    )
    R16 = (
        "R16",
        16,
        "A grant ends with the shortest of policy age, the notice's retention and the "
        "law's cap; Korean advertising consent is confirmed again",
        "Network Act 50(8), decree 62-3; IAB TCF: 13 months",
        "a Korean grant of 2026-01-02 for two years, asked 2028-01-03: expired",
    )
    R17 = (
        "R17",
        17,
        "A grant covers what its own notice covered, and nothing newer",
        "PIPA 15(2), 17(2), 18(3), 28-8(3)",
        "a recipient is added by the second notice: a grant under the first is silent",
    )
    R18 = (
        "R18",
        18,
        "Withdrawing is as easy as giving and stops at once",
        "GDPR 7(3), 17(1)(b), 19; PIPA 37(3) to (5)",
        "a withdrawal is acknowledged: the next read is without it",
    )
    R19 = (
        "R19",
        19,
        "Several jurisdictions of one person: all must allow",
        "our rule",
        "a Korean resident on a European site: both must allow",
    )
    R20 = (
        "R20",
        20,
        "Every decision names its winner, rule, losers, notice and expiry",
        "our rule; 11 CCR 7025(c)(6), to confirm",
        "the explanation of any case above names its rule",
    )
    SILENT_PART = (
        "silent_part",
        101,
        "One silent part denies a purpose that says so",
        "our rule, per purpose",
        "one handle granted, one silent, silent_part: deny: denied",
    )
    RESTRICTION = (
        "restriction",
        102,
        "A restriction yields to its own end alone",
        "GDPR 18; PIPA 37(1) (처리정지)",
        "restricted, later a grant: denied until lifted",
    )


RULES: dict[int, Rule] = {rule.code: rule for rule in Rule}
