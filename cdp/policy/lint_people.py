"""What lint asks of the documents about people: law, purposes, notices, senders.

Our reading, apart from the articles: a required purpose never rests on consent or an
opt-out (R15); a consent that no notice covers could never be given, so it is a fault
where the law wants a notice; two separate consents that are read from the same
categories of a banner would be one.

Source: policy page section 4; PIPA Art. 15(2), 16, 17, 22(1); Network Act 50;
docs/decisions/0022 and 0023.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cdp.policy.categories import covers, is_covered
from cdp.policy.documents import (
    Jurisdiction,
    Notice,
    Purpose,
    Recipient,
    Source,
    Standards,
)
from cdp.policy.errors import Fault
from cdp.policy.folder import Folder, missing
from cdp.policy.marks import Marked, PathKey
from cdp.policy.notices import gaps
from cdp.policy.scopes import scopes_of, third_parties

UNKNOWN = "unknown"
MAX_SCOPES = 63  # one bit each in a signed 64-bit column
_OPTIONAL = ("marketing", "advertising", "personalization", "segmentation")
_MARKETING = ("marketing",)
_TO_THIRD_PARTIES = frozenset({"third_party", "recipient_other_purpose"})


def lint_people(folder: Folder) -> Iterator[Fault]:
    """Yield the faults of jurisdictions, standards, purposes, notices and sources."""
    yield from _jurisdictions(folder)
    yield from _standards(folder)
    yield from _scopes(folder)
    for purpose, marked in folder.of(Purpose):
        yield from _basis(folder, purpose, marked)
        yield from _refusable(purpose, marked)
        yield from _channel(folder, purpose, marked)
        yield from _third_parties(folder, purpose, marked)
    yield from _bundles(folder)
    for notice, marked in folder.of(Notice):
        yield from _notice(folder, notice, marked)
    yield from _untold(folder)
    yield from _sources(folder)


def _jurisdictions(folder: Folder) -> Iterator[Fault]:
    unknown = folder.jurisdictions.get(UNKNOWN)
    if unknown is None or unknown.default != "opt_in":
        message = "the jurisdiction 'unknown' exists and is opt_in"
        yield Fault(file=".", line=0, rule="unknown_not_opt_in", message=message)
    for place, marked in folder.of(Jurisdiction):
        yield from _zone(place.zone, marked)
        for purpose in place.reconfirm.purposes if place.reconfirm else ():
            # A purpose stands for those below it: marketing covers marketing.email.
            if not any(covers(purpose, known) for known in folder.purposes):
                message = f"no purpose {purpose!r}"
                yield marked.fault("unknown_reference", message, "reconfirm")


def _zone(zone: str, marked: Marked) -> Iterator[Fault]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield marked.fault("unknown_reference", "no such time zone", "zone")


def _standards(folder: Folder) -> Iterator[Fault]:
    for _, marked in list(folder.of(Standards))[1:]:
        message = "at most one document of kind standards"
        yield marked.fault("duplicate_key", message, "kind")


def _scopes(folder: Folder) -> Iterator[Fault]:
    count = len(scopes_of(folder.purposes, folder.recipients))
    if count > MAX_SCOPES:
        message = f"{count} purposes and third parties; there are {MAX_SCOPES} bits"
        yield Fault(file=".", line=0, rule="too_many_purposes", message=message)


def _basis(folder: Folder, purpose: Purpose, marked: Marked) -> Iterator[Fault]:
    for place in sorted(folder.jurisdictions):
        if purpose.basis_in(place) is None:
            yield marked.fault("no_basis", f"no basis for {place}", "basis")
    yield from missing(
        marked,
        folder.places,
        *(("jurisdiction", key, ("basis", key)) for key in purpose.basis),
        *(("jurisdiction", key, ("max_age", key)) for key in purpose.max_age),
    )
    yield from missing(
        marked,
        folder.recipients,
        *(("recipient", key, ("scope",)) for key in purpose.scope.recipients),
    )
    if (basis := purpose.basis_in(UNKNOWN)) and basis.type == "opt_out":
        message = "an unknown jurisdiction never rests on an opt-out"
        yield marked.fault("unknown_not_opt_in", message, "basis", UNKNOWN)


def _refusable(purpose: Purpose, marked: Marked) -> Iterator[Fault]:
    chosen = any(
        basis.type in {"consent", "opt_out"} or basis.separate is not None
        for basis in purpose.basis.values()
    )
    if purpose.required and (chosen or is_covered(purpose.key, _OPTIONAL)):
        message = "what a person may refuse is never required"
        yield marked.fault("required_marketing", message, "required")


def _channel(folder: Folder, purpose: Purpose, marked: Marked) -> Iterator[Fault]:
    said = purpose.signals
    if (purpose.channel is not None or is_covered(purpose.key, _MARKETING)) and (
        said.tcf or said.gpp or said.consent_mode or said.category
    ):
        message = "no banner consents to an ad: the person does, or an import"
        yield marked.fault("marketing_by_banner", message, "signals")
    if purpose.night_of is None:
        return
    day = folder.purposes.get(purpose.night_of)
    if day is None:
        message = f"no purpose {purpose.night_of!r}"
        yield marked.fault("unknown_reference", message, "night_of")
    elif day.night_of is not None or day.channel is None:
        message = f"{day.key} sends nothing by day"
        yield marked.fault("night_without_day", message, "night_of")
    elif day.channel != purpose.channel:
        message = f"{day.key} is sent by another channel"
        yield marked.fault("night_without_day", message, "night_of")


def _third_parties(folder: Folder, purpose: Purpose, marked: Marked) -> Iterator[Fault]:
    if not third_parties(purpose, folder.recipients):
        return
    for key, place in sorted(folder.jurisdictions.items()):
        basis = purpose.basis_in(key)
        if not place.separates or basis is None or basis.type != "consent":
            continue
        if basis.separate_class not in _TO_THIRD_PARTIES:
            message = f"in {key} the consent to a third party is separate: third_party"
            yield marked.fault("third_party_not_separate", message, "scope")


def _bundles(folder: Folder) -> Iterator[Fault]:
    for key, place in sorted(folder.jurisdictions.items()):
        if not place.separates:
            continue
        seen: dict[frozenset[str], Purpose] = {}
        for purpose, marked in folder.of(Purpose):
            basis = purpose.basis_in(key)
            categories = frozenset(purpose.signals.category)
            if basis is None or basis.type != "consent" or not categories:
                continue
            first = seen.setdefault(categories, purpose)
            other = first.basis_in(key)
            if other is not None and other.separate_class != basis.separate_class:
                message = f"in {key} these categories also grant {first.key}"
                yield marked.fault("bundled_consents", message, "signals", "category")


def _notice(folder: Folder, notice: Notice, marked: Marked) -> Iterator[Fault]:
    yield from _zone(notice.zone, marked)
    yield from missing(
        marked,
        folder.purposes,
        *(("purpose", key, ("purposes", key)) for key in notice.purposes),
    )
    yield from missing(
        marked,
        notice.purposes,
        *(
            ("purpose of this notice", key, ("covers_past", n))
            for n, key in enumerate(notice.covers_past)
        ),
    )
    for key, told in notice.purposes.items():
        path: tuple[PathKey, ...] = ("purposes", key, "recipients")
        yield from missing(
            marked,
            folder.recipients,
            *(("recipient", name, path) for name in told.recipients),
        )


def _untold(folder: Folder) -> Iterator[Fault]:
    """Yield the consents that nobody can give: no notice that is shown covers them."""
    shown = [notice for notice in folder.notices.values() if notice.until is None]
    for purpose, marked in folder.of(Purpose):
        for key, place in sorted(folder.jurisdictions.items()):
            basis = purpose.basis_in(key)
            if not place.needs_notice or basis is None or basis.type != "consent":
                continue
            for recipient in (None, *third_parties(purpose, folder.recipients)):
                left = _left_out(folder, shown, purpose, recipient, place)
                if left is not None:
                    to = f" to {recipient.key}" if recipient else ""
                    message = f"no notice covers it{to} in {key}{left}"
                    yield marked.fault("notice_missing", message, "key")


def _left_out(
    folder: Folder,
    shown: list[Notice],
    purpose: Purpose,
    recipient: Recipient | None,
    place: Jurisdiction,
) -> str | None:
    """Return what the closest notice leaves out; None when one covers the scope."""
    closest: list[str] | None = None
    for notice in shown:
        found = gaps(
            notice,
            purpose,
            recipient,
            place,
            recipients=folder.recipients,
            datasets=folder.datasets.values(),
        )
        if not found:
            return None
        told = purpose.key in notice.purposes
        if told and (closest is None or len(found) < len(closest)):
            closest = found
    return "" if closest is None else f"; left out: {', '.join(closest)}"


def _sources(folder: Folder) -> Iterator[Fault]:
    for source, marked in folder.of(Source):
        if source.dataset is not None:
            yield from missing(
                marked, folder.datasets, ("dataset", source.dataset, ("dataset",))
            )
        if source.notice is not None:
            yield from missing(
                marked, folder.notices, ("notice", source.notice, ("notice",))
            )
        for own, other in source.namespaces.items():
            path = ("namespaces", own)
            yield from missing(
                marked,
                folder.namespaces,
                ("namespace", own, path),
                ("namespace", other, path),
            )
