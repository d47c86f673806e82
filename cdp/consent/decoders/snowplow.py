"""Snowplow's consent events: ``consent_preferences``, and the two of the mobile SDKs.

``consent_preferences``:

- ``allow_all`` and ``allow_selected`` grant the listed ``consentScopes`` and deny the
  configured ones that are not listed; they grant only where ``basisForProcessing`` is
  consent.
- ``deny_all`` and ``withdrawn`` deny all configured scopes, listed ones too.
- ``pending`` and ``implicit_consent`` say nothing. ``expired`` ends what the same
  source granted.
- ``consentVersion`` names the notice that was shown.

``consent_granted`` grants the categories whose ids its documents have, and denies
none; ``consent_withdrawn`` denies these, or with ``all`` every configured one. A grant
with an ``expiry`` says nothing: the ledger takes ages from the policy, and a grant that
should have ended would stand.

- A scope with several categories is granted only when all of them are.
- A category that no scope names is read over, with a remark.

Source: the schemas ``com.snowplowanalytics.snowplow/consent_preferences``,
``consent_granted``, ``consent_withdrawn`` and ``consent_document``, version 1-0-0; that
``deny_all`` denies listed scopes is our reading.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from cdp.consent.decoders.categories import UNKNOWN_CATEGORY
from cdp.consent.decoders.listed import verdicts_of
from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import ConsentRules, ScopeRule
from cdp.consent.signals import Verdicts

_BASES: Final = frozenset(
    {
        "consent",
        "contract",
        "legal_obligation",
        "vital_interests",
        "public_task",
        "legitimate_interests",
    }
)
_ALLOW: Final = frozenset({"allow_all", "allow_selected"})
_DENY: Final = frozenset({"deny_all", "withdrawn"})
_SILENT: Final = frozenset({"pending", "implicit_consent"})
_EXPIRED: Final = "expired"
# As the ledger can keep it: the name of a notice.
_VERSION: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_NAME: Final = re.compile(r"/(consent_[a-z]+)/jsonschema/1-[0-9]+-[0-9]+$")
_MOST_SCHEMA: Final = 512  # characters of a schema's name


def read_snowplow(
    raw: object,
    rules: ConsentRules,
    place: str,  # noqa: ARG001 - every reader has the same arguments
    received_at: datetime,  # noqa: ARG001 - every reader has the same arguments
) -> Reading | None:
    """Read the data of a consent event; None says nothing.

    Args:
        raw: the data of ``consent_preferences``; or, of any of the three, the
            self-describing ``{"schema", "data"}``, with the ``consent_document``
            entities of the event beside it as ``"documents"``.
    """
    if raw is None:
        return None
    if not isinstance(raw, dict):
        return _unreadable("not_object", rules)
    if "schema" not in raw:
        return _preferences(raw, rules)
    data = raw.get("data")
    if not isinstance(data, dict):
        return _unreadable("not_object", rules)
    match _schema_name(raw["schema"]):
        case "consent_preferences":
            return _preferences(data, rules)
        case "consent_granted":
            return _granted(data, raw.get("documents"), rules)
        case "consent_withdrawn":
            return _withdrawn(data, raw.get("documents"), rules)
        case _:
            return _unreadable("schema", rules)


def _preferences(data: Mapping[str, Any], rules: ConsentRules) -> Reading | None:
    event, basis = data.get("eventType"), data.get("basisForProcessing")
    if not isinstance(basis, str) or basis not in _BASES:
        return _unreadable("basis", rules)
    notice, is_readable = _version(data.get("consentVersion"))
    if not is_readable:
        return _unreadable("version", rules)
    match event:
        case str() if event in _ALLOW:
            listed = _texts(data.get("consentScopes"))
            if listed is None:
                return _unreadable("scopes", rules)
            return _allowed(listed, rules, notice=notice, is_consent=basis == "consent")
        case str() if event in _DENY:
            verdicts = Verdicts(denies=rules.category_scopes)
            return Reading(verdicts=verdicts, notice=notice)
        case str() if event in _SILENT:
            return None
        case str() if event == _EXPIRED:
            return Reading(verdicts=Verdicts(ends=rules.category_scopes), notice=notice)
        case _:
            return _unreadable("event_type", rules)


def _allowed(
    listed: frozenset[str],
    rules: ConsentRules,
    *,
    notice: str | None,
    is_consent: bool,
) -> Reading:
    said = _said(rules, granted=listed, denied=rules.categories - listed)
    if not is_consent:
        said = Verdicts(denies=said.denies)
    return Reading(verdicts=said, remarks=_remarks(listed, rules), notice=notice)


def _granted(
    data: Mapping[str, Any], documents: object, rules: ConsentRules
) -> Reading | None:
    named = _documents(documents)
    if named is None:
        return _unreadable("documents", rules)
    if data.get("expiry") is not None:
        return Reading(remarks=("snowplow.expiry",))
    notice = next(iter(named.values())) if len(set(named.values())) == 1 else None
    if named and notice is None:
        # Two versions at once: nobody can say which text was shown for which grant.
        return _unreadable("version", rules)
    return Reading(
        verdicts=_said(rules, granted=named.keys(), denied=()),
        remarks=_remarks(named.keys(), rules),
        notice=notice,
    )


def _withdrawn(
    data: Mapping[str, Any], documents: object, rules: ConsentRules
) -> Reading | None:
    named = _documents(documents)
    everything = data.get("all", False)
    if named is None or everything not in (True, False):
        return _unreadable("documents", rules)
    if everything or not named:
        return Reading(verdicts=Verdicts(denies=rules.category_scopes))
    return Reading(
        verdicts=_said(rules, granted=(), denied=named.keys()),
        remarks=_remarks(named.keys(), rules),
    )


def _said(
    rules: ConsentRules, *, granted: Collection[str], denied: Collection[str]
) -> Verdicts:
    return verdicts_of(rules.scopes, _listed, granted=granted, denied=denied)


def _documents(value: object) -> dict[str, str] | None:
    """Return document id -> version; None when they cannot be read."""
    if value is None:
        return {}
    if not isinstance(value, list):
        return None
    found: dict[str, str] = {}
    for item in value:
        entity = item.get("data", item) if isinstance(item, dict) else None
        if not isinstance(entity, dict):
            return None
        name = entity.get("id")
        version, is_readable = _version(entity.get("version"))
        if not isinstance(name, str) or version is None or not is_readable:
            return None
        if found.setdefault(name, version) != version:
            return None
    return found


def _version(value: object) -> tuple[str | None, bool]:
    """Return the name of a notice, and whether it can be one."""
    if value is None:
        return None, True
    if isinstance(value, str) and _VERSION.fullmatch(value):
        return value, True
    return None, False


def _texts(value: object) -> frozenset[str] | None:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return None
    return frozenset(value)


def _remarks(listed: Collection[str], rules: ConsentRules) -> tuple[str, ...]:
    known = all(one in rules.categories for one in listed)
    return () if known else (UNKNOWN_CATEGORY,)


def _schema_name(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _MOST_SCHEMA:
        return None
    found = _NAME.search(value)
    return None if found is None else found.group(1)


def _unreadable(what: str, rules: ConsentRules) -> Reading:
    return unreadable(f"snowplow.{what}", rules.category_scopes)


def _listed(scope: ScopeRule) -> tuple[str, ...]:
    return scope.categories
