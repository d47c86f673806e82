"""What became of a person's consent: the state before and after, for each purpose.

The relation has a row for each handle; who is told of a change knows persons. Here rows
become the state of a profile as a whole.

- A profile is granted when a handle holds a grant and none a denial of its own; then
  until the last of its grants ends.
- Whoever was told of a profile hears what became of it: one that went into another on a
  merge has a last change of its own, which names the other one. A part that splits off
  starts from what was told of the whole.
- So what is told joins up: of one subject, the old state of a change is the new state
  of the change before it. What did not change is not told.

Pure.

Source: section 3 of the consent design; GDPR Art. 19;
docs/decisions/0045-consent-changes-by-webhook.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from cdp.consent import (
    REASONS,
    RULES,
    Change,
    ConsentRules,
    EffectiveRow,
    Reason,
    Rule,
    ScopeRule,
    Standing,
)
from cdp.kernel import Handle, ProfileId, from_micros

# A row of the relation that has no end says so with the largest instant there is.
_OPEN = (1 << 63) - 1


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a profile and a scope; ``valid_to`` None is open-ended."""

    granted: bool
    reason: str | None
    rule: str
    valid_to: datetime | None


class ScopeChange(msgspec.Struct, frozen=True, kw_only=True):
    """One scope that changed: a purpose, or a purpose for one recipient."""

    purpose: str
    recipient: str | None
    old: State
    new: State


class ProfileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changed for one profile.

    Args:
        merged_into: the profile that ``subject`` went into, when it is no more.
        split_from: the profile that ``subject`` was a part of until now.
        handles: all handles that the profile has now.
    """

    subject: ProfileId
    merged_into: ProfileId | None
    split_from: ProfileId | None
    handles: tuple[Handle, ...]
    changes: tuple[ScopeChange, ...]


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A row of the relation, whichever way it was read."""

    granted: bool
    denies: bool
    reason: Reason | None
    rule: Rule
    valid_to: datetime | None


def changes_of(
    profiles: Mapping[ProfileId, Sequence[Handle]],
    former: Mapping[Handle, ProfileId],
    standing: Mapping[Handle, Mapping[int, Standing]],
    changed: Iterable[Change],
    rules: ConsentRules,
) -> list[ProfileChange]:
    """Return what changed for whole profiles.

    Args:
        profiles: every touched profile as it is now, the parts of a split among them.
        former: the profile that a handle left; handles that stayed are missing.
        standing: the rows of all these handles as they are now.
        changed: the rows that became others.
    """
    tale = _Tale(profiles, former, standing, changed, rules)
    told = [tale.of_living(profile) for profile in profiles]
    told += [tale.of_gone(one) for one in tale.groups if one not in profiles]
    return [one for one in told if one is not None]


class _Tale:
    """The touched handles by the profile they were in, with their rows then and now."""

    def __init__(
        self,
        profiles: Mapping[ProfileId, Sequence[Handle]],
        former: Mapping[Handle, ProfileId],
        standing: Mapping[Handle, Mapping[int, Standing]],
        changed: Iterable[Change],
        rules: ConsentRules,
    ) -> None:
        self._rules = rules
        self._profile_of = {
            handle: profile
            for profile, handles in profiles.items()
            for handle in handles
        }
        self._now: dict[Handle, dict[int, _Row | None]] = {
            handle: {scope: _of(row) for scope, row in rows.items()}
            for handle, rows in standing.items()
        }
        self._then = {handle: dict(rows) for handle, rows in self._now.items()}
        for change in changed:
            self._then.setdefault(change.handle, {})[change.scope] = _was(change.before)
        self._former = former
        self._mates = profiles
        self.groups: dict[ProfileId, list[Handle]] = {}
        for handle, profile in self._profile_of.items():
            self.groups.setdefault(former.get(handle, profile), []).append(handle)

    def of_living(self, profile: ProfileId) -> ProfileChange | None:
        """Return what became of a profile that is there now."""
        handles = self._mates[profile]
        then = self.groups.get(profile)
        if then is not None:
            return self._of(profile, then, handles)
        # It was none of its own, and was told of as the one it was a part of.
        whole = self._former[min(handles)]
        return self._of(profile, self.groups[whole], handles, split_from=whole)

    def of_gone(self, profile: ProfileId) -> ProfileChange | None:
        """Return what became of a profile that is no more."""
        then = self.groups[profile]
        heir = self._profile_of[min(then)]
        return self._of(profile, then, self._mates[heir], merged_into=heir)

    def _of(
        self,
        subject: ProfileId,
        then: Sequence[Handle],
        now: Sequence[Handle],
        *,
        merged_into: ProfileId | None = None,
        split_from: ProfileId | None = None,
    ) -> ProfileChange | None:
        scopes = {scope for handle in then for scope in self._then.get(handle, ())}
        scopes |= {scope for handle in now for scope in self._now.get(handle, ())}
        changes = []
        was_heard = False
        for scope in sorted(scopes):
            rule = self._rules.by_ordinal.get(scope)
            if rule is None:
                continue
            is_unasked = bool(rule.bit & self._rules.unasked)
            old = _state([_at(self._then, one, scope) for one in then], is_unasked)
            new = _state([_at(self._now, one, scope) for one in now], is_unasked)
            was_heard |= old != (_DEFAULT if is_unasked else _NEVER_ASKED)
            if old != new:
                changes.append(_named(rule, old, new))
        # Whoever was told of a profile must hear that it is another one's now.
        is_another = bool(merged_into or split_from) and was_heard
        if not changes and not is_another:
            return None
        return ProfileChange(
            subject=subject,
            merged_into=merged_into,
            split_from=split_from,
            handles=tuple(now),
            changes=tuple(changes),
        )


def _at(
    rows: Mapping[Handle, Mapping[int, "_Row | None"]], handle: Handle, scope: int
) -> "_Row | None":
    return rows.get(handle, {}).get(scope)


def _named(rule: ScopeRule, old: State, new: State) -> ScopeChange:
    return ScopeChange(purpose=rule.purpose, recipient=rule.recipient, old=old, new=new)


def _state(rows: Sequence[_Row | None], is_unasked: bool) -> State:
    """Join the rows of a profile's handles; no row is silence, or the default."""
    said = [row for row in rows if row is not None]
    closed = [row for row in said if not row.granted]
    if not any(row.denies for row in said):
        is_default = is_unasked and len(said) < len(rows)
        if is_default:
            return _DEFAULT
        opened = [row for row in said if row.granted]
        if opened:
            longest = max(opened, key=_end)
            return State(
                granted=True,
                reason=None,
                rule=longest.rule.value,
                valid_to=longest.valid_to,
            )
    if not closed:
        return _NEVER_ASKED
    top = max(closed, key=_weight)
    return State(
        granted=False,
        reason=(top.reason or Reason.DENIED).value,
        rule=top.rule.value,
        valid_to=None,
    )


_DEFAULT = State(granted=True, reason=None, rule=Rule.R13.value, valid_to=None)
_NEVER_ASKED = State(
    granted=False,
    reason=Reason.NEVER_ASKED.value,
    rule=Rule.R1.value,
    valid_to=None,
)


def _end(row: _Row) -> tuple[bool, float, int]:
    open_ended = row.valid_to is None
    end = 0.0 if row.valid_to is None else row.valid_to.timestamp()
    return open_ended, end, -row.rule.code


def _weight(row: _Row) -> tuple[int, int]:
    return (row.reason or Reason.DENIED).code, -row.rule.code


def _of(row: Standing) -> _Row:
    return _Row(row.granted, row.own < 0, row.reason, row.rule, row.valid_to)


def _was(row: EffectiveRow | None) -> _Row | None:
    if row is None:
        return None
    return _Row(
        row.granted,
        row.own < 0,
        REASONS.get(row.reason),
        RULES[row.rule],
        None if row.valid_to == _OPEN else from_micros(row.valid_to),
    )
