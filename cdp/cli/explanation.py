"""The page that says why one purpose is open or closed for a person.

Codes stay on the page beside their words, so that it can be compared with the log.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from cdp.gate import ConsentExplained, SignalSeen
from cdp.gate.wording import (
    CARRIERS,
    LOST,
    RANKS,
    REASONS,
    RULES,
    Language,
    Words,
    in_words,
)

_LABELS: Final = {
    "decision": Words("decision", "결정"),
    "granted": Words("GRANTED", "허용"),
    "denied": Words("DENIED", "거부"),
    "purpose": Words("purpose", "목적"),
    "intent": Words("asked for", "질문의 뜻"),
    "reason": Words("reason", "이유"),
    "rule": Words("rule", "규칙"),
    "law": Words("its source", "규칙의 근거"),
    "conflict": Words("conflict", "충돌"),
    "conflict.yes": Words(
        "another part of the person grants it", "같은 사람의 다른 부분은 허용한다"
    ),
    "winner": Words("decided by", "결정한 신호"),
    "nobody": Words("nothing that was said", "해당하는 의사 표시가 없음"),
    "notice": Words("notice", "고지"),
    "valid_from": Words("in force from", "효력 시작"),
    "valid_to": Words("ends", "만료"),
    "open": Words("open", "없음"),
    "reconfirm_due": Words("confirm again before", "수신동의 확인 기한"),
    "no_ask_before": Words("not to be asked before", "다시 묻지 않는 기한"),
    "valid_at": Words("what was decided by", "결정 기준 시각"),
    "known_at": Words("of what was known at", "인지 기준 시각"),
    "policy": Words("policy", "정책 버전"),
    "watermark": Words("ledger position", "원장 위치"),
    "record": Words("record", "기록 번호"),
    "losers": Words("What did not decide", "결정하지 못한 신호"),
    "seq": Words("position", "위치"),
    "on": Words("about", "식별자"),
    "said": Words("said", "내용"),
    "grants": Words("grant", "동의"),
    "denies": Words("denial", "거부"),
    "decided_at": Words("decided", "결정"),
    "recorded_at": Words("recorded", "기록"),
    "carrier": Words("brought by", "전달"),
    "rank": Words("rank", "순위"),
    "why": Words("why it lost", "결정하지 못한 이유"),
}


class Page:
    """Prints explanations in one language.

    Args:
        senders: the names of the sources, by their number.
    """

    def __init__(
        self, out: Console, language: Language, senders: Mapping[int, str]
    ) -> None:
        self._out = out
        self._language = language
        self._senders = senders

    def show(self, told: ConsentExplained, title: str) -> None:
        """Print one explanation; ``title`` is the purpose's, for people."""
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in self._facts(told, title):
            table.add_row(self._label(label), text)
        self._out.print(table)
        if told.losers:
            self._out.print()
            self._out.print(self._lost(told))

    def _facts(self, told: ConsentExplained, title: str) -> Iterator[tuple[str, str]]:
        state = told.state
        yield "decision", self._label("granted" if state.granted else "denied")
        yield "purpose", f"{state.purpose} ({title})" if title else state.purpose
        yield "intent", told.intent
        if state.reason is not None:
            yield "reason", self._coded(state.reason, REASONS.get(state.reason))
        rule = in_words(RULES.get(state.rule), self._language, state.title)
        yield "rule", f"{state.rule}: {rule}"
        yield "law", state.source
        if state.conflict:
            yield "conflict", self._label("conflict.yes")
        yield "winner", self._winner(told.winner)
        if state.notice is not None:
            yield "notice", state.notice
        if state.valid_from is not None:
            yield "valid_from", _instant(state.valid_from)
        if state.granted:
            end = state.valid_to
            yield "valid_to", self._label("open") if end is None else _instant(end)
        if state.reconfirm_due is not None:
            yield "reconfirm_due", _instant(state.reconfirm_due)
        if state.no_ask_before is not None:
            yield "no_ask_before", _instant(state.no_ask_before)
        yield "valid_at", _instant(told.valid_at)
        yield "known_at", _instant(told.known_at)
        if told.policy:
            yield "policy", told.policy
        yield "watermark", str(told.watermark)
        yield "record", told.record

    def _winner(self, signal: SignalSeen | None) -> str:
        if signal is None:
            return self._label("nobody")
        said = self._label("grants" if signal.grants else "denies")
        return (
            f"{said}, {_instant(signal.decided_at)}, {self._sender(signal)}, "
            f"{self._rank(signal)}, {signal.on}, #{signal.seq}"
        )

    def _lost(self, told: ConsentExplained) -> Table:
        table = Table(title=self._label("losers"), box=None, pad_edge=False)
        for label in ("seq", "on", "said", "decided_at", "carrier", "rank", "why"):
            table.add_column(self._label(label), overflow="fold")
        for signal in told.losers:
            lost = signal.lost or ""
            table.add_row(
                f"#{signal.seq}",
                signal.on,
                self._label("grants" if signal.grants else "denies"),
                _instant(signal.decided_at),
                self._sender(signal),
                self._rank(signal),
                self._coded(lost, LOST.get(lost)),
            )
        return table

    def _sender(self, signal: SignalSeen) -> str:
        carrier = in_words(CARRIERS.get(signal.carrier), self._language, signal.carrier)
        sender = self._senders.get(signal.source)
        return f"{carrier}, {sender}" if sender else carrier

    def _rank(self, signal: SignalSeen) -> str:
        words = in_words(RANKS.get(signal.rank), self._language, "")
        return f"{self._label('rank')} {signal.rank} ({words})"

    def _coded(self, code: str, words: Words | None) -> str:
        text = in_words(words, self._language, code)
        return code if text == code else f"{code}: {text}"

    def _label(self, name: str) -> str:
        return in_words(_LABELS[name], self._language, name)


def _instant(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
