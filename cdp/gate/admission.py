"""May this caller do this, for this purpose? Decided before any data is read.

The checks run in this order, and the first that fails decides:

1. a role of the caller allows the kind for the purpose, and the client holds the
   purpose; a kind that opens records needs a reason code;
2. purpose, release, recipient and dataset are known to the version in force, and agree;
   the instant is not in the future; the purpose has a basis in every jurisdiction;
   the recipient is covered by what the purpose's consent names;
3. every field that a column is made from may be used for the purpose and is of no
   denied category.

Pure: no IO, no clock. Anything missing denies. A rule names what the policy holds,
never what the caller wrote: it goes into the log.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec

from cdp.audit import Kind
from cdp.consent import scope_key
from cdp.gate.access import AccessRequest, Denied, Reason
from cdp.gate.coarsen import can_coarsen
from cdp.policy import Dataset, Policy, Purpose, Recipient, Release, is_covered

# Kinds that show who did what: the officer says first why (audit page, section 7). A
# query shows envelopes to whoever may ask; only its payloads want a reason.
_NEEDS_REASON = frozenset({Kind.AUDIT_EXPORT, Kind.IDENTITY_REVEAL})


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may go on, with what it names.

    Args:
        scopes: The ordinals that must all allow it, each a scope of consent and a bit
            in ``closed``: the purpose's own, and that of a third party.
        attributes: Columns that are fields of the dataset, in release order.
        features: Columns that are features, in release order.
        inputs: Fields of the dataset that the columns are made from, sorted.
        rule: The rule that let the caller in.
    """

    release: Release
    recipient: Recipient
    dataset: Dataset
    purpose: Purpose
    scopes: tuple[int, ...]
    as_of: datetime
    attributes: tuple[str, ...]
    features: tuple[str, ...]
    inputs: tuple[str, ...]
    rule: str


Admission: TypeAlias = Admitted | Denied


def admit_release(
    policy: Policy, bits: Mapping[str, int], request: AccessRequest, now: datetime
) -> Admission:
    """Decide whether the release that ``request`` names may be opened."""
    role = admit_role(policy, request)  # (1)
    if isinstance(role, Denied):
        return role
    found = _find(policy, request)  # (2)
    if isinstance(found, Denied):
        return found
    release, recipient, dataset = found
    rule = f"release:{release.key}"
    if recipient.role != role:
        return _deny(Reason.ROLE, f"recipient:{recipient.key}")
    purpose = known_purpose(policy, bits, request.purpose)
    if isinstance(purpose, Denied):
        return purpose
    as_of = request.as_of or now
    if as_of > now:
        return _deny(Reason.AS_OF, rule)
    scopes = _scopes(bits, purpose, recipient)
    if not scopes:
        return _deny(Reason.RECIPIENT, f"recipient:{recipient.key}")
    refused = _refused_column(policy, release, dataset)  # (3)
    if refused is not None:
        return _deny(Reason.COLUMN, refused)
    fields = dataset.fields
    return Admitted(
        release=release,
        recipient=recipient,
        dataset=dataset,
        purpose=purpose,
        scopes=scopes,
        as_of=as_of,
        attributes=tuple(name for name in release.columns.all if name in fields),
        features=tuple(name for name in release.columns.all if name not in fields),
        inputs=policy.release_inputs(release),
        rule=rule,
    )


def admit_role(policy: Policy, request: AccessRequest) -> str | Denied:
    """Return the role that lets the caller do ``what`` for the purpose, or a denial."""
    if request.purpose not in request.caller.purposes:
        return _deny(Reason.ROLE, "client")
    for name in request.caller.roles:
        role = policy.roles.get(name)
        if role and request.what in role.may and request.purpose in role.purposes:
            if request.what in _NEEDS_REASON and not request.reason_code:
                return _deny(Reason.REASON_MISSING, f"role:{name}")
            return name
    return _deny(Reason.ROLE, f"kind:{request.what}")


def known_purpose(
    policy: Policy, bits: Mapping[str, int], key: str
) -> Purpose | Denied:
    """Return the purpose, if it is in force and has a basis in every jurisdiction."""
    purpose = policy.purposes.get(key)
    if purpose is None or key not in bits:
        return _deny(Reason.UNKNOWN, "purpose")
    places = policy.jurisdictions
    if not purpose.basis or any(purpose.basis_in(key) is None for key in places):
        return _deny(Reason.NO_BASIS, f"purpose:{key}")
    return purpose


def _find(
    policy: Policy, request: AccessRequest
) -> tuple[Release, Recipient, Dataset] | Denied:
    release = policy.releases.get(request.release or "")
    if release is None or release.purpose != request.purpose:
        return _deny(Reason.UNKNOWN, "release")
    recipient = policy.recipients.get(release.recipient)
    if recipient is None:
        return _deny(Reason.UNKNOWN, f"recipient:{release.recipient}")
    dataset = policy.datasets.get(release.dataset)
    if dataset is None:
        return _deny(Reason.UNKNOWN, f"dataset:{release.dataset}")
    return release, recipient, dataset


def _scopes(
    bits: Mapping[str, int], purpose: Purpose, recipient: Recipient
) -> tuple[int, ...]:
    """Return the scopes that must allow a release; none when no consent could.

    A third party needs a scope of its own, which the purpose's consent names. The
    purpose's counts as well: who refused it before the recipient was named refused.
    """
    if recipient.relation != "third_party":
        return (bits[purpose.key],)
    own = bits.get(scope_key(purpose.key, recipient.key))
    if own is None or recipient.key not in purpose.scope.recipients:
        return ()
    return (bits[purpose.key], own)


def _refused_column(policy: Policy, release: Release, dataset: Dataset) -> str | None:
    """Return the rule by which some column may not leave; None when all may."""
    columns = release.columns.all
    for name in columns:
        if name in dataset.fields:
            continue
        feature = policy.features.get(name)
        if feature is None:
            return f"release:{release.key}"
        if feature.purposes and release.purpose not in feature.purposes:
            return f"feature:{name}"
    for name in policy.release_inputs(release):
        if not _may_use(policy, release, dataset, name):
            return f"field:{dataset.key}.{name}"
    for name, step in release.generalise.items():
        if name not in columns or not can_coarsen(step):
            return f"release:{release.key}"
    return None


def _may_use(policy: Policy, release: Release, dataset: Dataset, name: str) -> bool:
    field = dataset.fields.get(name)
    if field is None or field.column_type is None:
        return False
    if release.purpose not in field.purposes:
        return False
    refused = [j.refuse for j in policy.jurisdictions.values()]
    return not any(
        is_covered(field.category, patterns)
        for patterns in (release.deny_categories, *refused)
    )


def _deny(reason: Reason, rule: str) -> Denied:
    return Denied(reason=reason, rule=rule)
