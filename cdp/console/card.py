"""One purpose on the page: what stands, why, what a yes is given to, and two answers.

- Both answers are buttons of one look; which one stands is told in words.
- What was just answered is told in the part of its purpose, and the browser is sent
  there.

Pure.
"""

from collections.abc import Iterable

import msgspec

from cdp.console.choices import Choice, Choices
from cdp.console.forms import answers, form, hidden
from cdp.console.html import Html, joined, tag
from cdp.console.when import Language, instant
from cdp.console.words import Words
from cdp.gate import Preference


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What was just decided.

    Args:
        purposes: those that were answered; none where a level was.
        yes: whether the answer was a yes.
        receipt: by which the decision can be proved.
    """

    purposes: tuple[str, ...]
    yes: bool
    level: int | None = None
    receipt: str | None


def card(
    words: Words,
    language: Language,
    choices: Choices,
    choice: Choice,
    session: str,
    saved: Saved | None,
) -> Html:
    """Return the part of the page that is about one purpose."""
    state = choice.state
    heading = f"{choice.anchor}-title"
    mine = saved is not None and saved.purposes == (choice.purpose,)
    return tag(
        "section",
        tag(
            "div",
            tag("h3", choice.title, id=heading),
            tag(
                "p",
                words.is_on if state.granted else words.is_off,
                class_="state on" if state.granted else "state",
            ),
            class_="head",
        ),
        told(words, [choice], saved) if saved is not None and mine else None,
        *_remarks(words, choice),
        _facts(words, language, choices.zone, choice),
        _terms(words, language, choice),
        form(
            "save",
            language,
            hidden("session", session),
            hidden("notice", choice.notice) if choice.notice else None,
            hidden("signal", "told") if choice.after_signal else None,
            _two_answers(words, choice),
            anchor=choice.anchor,
        ),
        class_="card",
        id=choice.anchor,
        aria_labelledby=heading,
    )


def told(words: Words, offered: Iterable[Choice], saved: Saved) -> Html:
    """Return what came of an answer, with the number of its receipt."""
    lines = [
        tag("p", _outcome(words, choice, saved.yes))
        for choice in offered
        if choice.purpose in saved.purposes
    ]
    if saved.level is not None:
        lines.append(tag("p", words.level_now.format(words.levels[saved.level])))
    return tag(
        "div",
        tag("p", tag("strong", words.saved)),
        *lines,
        tag("p", f"{words.receipt}: ", tag("code", saved.receipt))
        if saved.receipt
        else None,
        class_="tell",
        role="status",
    )


def _outcome(words: Words, choice: Choice, yes: bool) -> str:
    state = choice.state
    if state.granted:
        return words.saved_on.format(choice.title)
    if yes:
        return words.saved_not_yet.format(choice.title, words.reason(state.reason))
    return words.saved_off.format(choice.title)


def _remarks(words: Words, choice: Choice) -> Iterable[Html]:
    state = choice.state
    if choice.after_signal:
        yield tag("div", tag("p", words.signal_notice), class_="tell")
    elif not state.granted:
        yield tag("p", words.reason(state.reason))
    elif state.decided_by is None:
        yield tag("p", words.on_by_default)
    if state.conflict:
        yield tag("p", words.elsewhere_on)
    if choice.needs_guardian:
        yield tag("p", words.needs_guardian)
    elif not choice.offers_yes:
        yield tag("p", words.no_terms)


def _facts(words: Words, language: Language, zone: str, choice: Choice) -> Html | None:
    state, by = choice.state, choice.state.decided_by
    rows: list[tuple[str, str | None]] = [(words.decision, _said(words, state))]
    if by is not None:
        sender = f": {by.sender}" if by.sender else ""
        rows += [
            (words.decided_at, instant(by.decided_at, zone, language)),
            (words.came_from, words.carrier(by.carrier) + sender),
            (words.answer_kind, words.rank(by.rank)),
        ]
        if by.actor != "self":
            rows.append((words.answered_by, words.actors.get(by.actor)))
    if state.granted:
        ends = state.valid_to
        rows.append(
            (
                words.lasts_until,
                words.lasts_open if ends is None else instant(ends, zone, language),
            )
        )
    for label, at in (
        (words.reconfirm, state.reconfirm_due),
        (words.no_ask, state.no_ask_before),
    ):
        rows.append((label, None if at is None else instant(at, zone, language)))
    rows.append((words.notice, state.notice))
    for label, wanted in ((words.passed_on, True), (words.not_passed_on, False)):
        names = [
            key for key, open_ in choice.state.recipients.items() if open_ is wanted
        ]
        rows.append((label, ", ".join(sorted(names)) or None))
    return _list(rows)


def _said(words: Words, state: Preference) -> str:
    if state.decided_by is None:
        return words.said_nothing
    return words.said_yes if state.decided_by.grants else words.said_no


def _list(rows: Iterable[tuple[str, str | None]]) -> Html | None:
    said = [(label, value) for label, value in rows if value]
    if not said:
        return None
    return tag(
        "dl",
        *(joined(tag("dt", label), tag("dd", value)) for label, value in said),
    )


def _terms(words: Words, language: Language, choice: Choice) -> Html | None:
    """Return what a yes is given to; open until there is one."""
    told = choice.told
    if told is None or not choice.offers_yes:
        return None
    refusal = None if told.refusal is None else told.refusal.text(language)
    rows = [
        (words.terms_purpose, told.purpose.text(language)),
        (words.terms_items, ", ".join(words.category(item) for item in told.items)),
        (words.terms_retention, told.retention and words.period(told.retention)),
        (words.terms_recipient, ", ".join(told.recipients)),
        (words.terms_country, ", ".join(told.countries)),
        (words.terms_refusal, refusal),
        (words.notice_today, choice.notice),
    ]
    return tag(
        "details",
        tag("summary", words.terms),
        _list(rows),
        open=not choice.state.granted,
    )


def _two_answers(words: Words, choice: Choice) -> Html:
    said = choice.state.decided_by
    agreed = choice.state.granted and said is not None and said.grants
    if choice.asks:
        yes = words.agree_again if agreed else words.agree
        no = words.withdraw if agreed else words.refuse
    else:
        yes, no = words.stop_objecting, words.object_to
    both = [("no", no)]
    if choice.offers_yes:
        both.insert(0, ("yes", yes))
    return answers(
        *(
            tag(
                "button",
                text,
                tag("span", f" ({choice.title})", class_="unseen"),
                type="submit",
                name="answer",
                value=f"{answer}:{choice.purpose}",
            )
            for answer, text in both
        )
    )
