"""What takes two documents to see: references, law, what a release may ask.

Each check is one function that yields faults; its code is public and has a test with a
folder that breaks it. A policy with a fault is not loaded.

Our reading, apart from the articles: K24 is asked of every purpose that has a ground in
Korea. What is asked of purposes, notices and jurisdictions stands in ``lint_people``.

Source: policy page section 4; PIPA Art. 24-2, 28-2, 28-5, 28-8; decree 29-5.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cdp.audit import Kind
from cdp.policy.bundle import kind_of
from cdp.policy.categories import covers, is_covered
from cdp.policy.coarseness import is_at_least_as_coarse
from cdp.policy.documents import (
    Dataset,
    FeatureInfo,
    Field,
    HierarchyTable,
    IdentityPolicy,
    Recipient,
    Release,
    Role,
    Step,
)
from cdp.policy.errors import Fault
from cdp.policy.folder import Folder, Located, missing
from cdp.policy.lint_people import lint_people
from cdp.policy.marks import Marked, PathKey
from cdp.policy.minimizer import ENVELOPE, TIME_PATH
from cdp.policy.transforms import IncompatibleStepError, as_kind, compile_steps

# Words that DuckDB 2 or Spark 4 read as syntax.
_SYNTAX = """
    all analyse analyze and any array as asc asymmetric at both case cast check collate
    column constraint create cross default deferrable desc describe distinct do else end
    except false fetch for foreign from full group having in inner intersect into join
    lambda lateral leading left limit natural not null offset on only or order outer
    pivot pivot_longer pivot_wider placing primary qualify references returning right
    select show some summarize symmetric table then to trailing true union unique
    unpivot user using values variadic when where window with
"""
# The columns that the engine and the gate add themselves.
_OWN = "bucket closed handle n profile seq token withheld"
RESERVED = frozenset(f"{_SYNTAX} {_OWN}".split())
_PULL = "release.pull"
_KEYS = frozenset({"pseudonym.reidentify", "identity.lookup", "identity.reveal"})
_28_2_PURPOSES = ("statistics", "research", "archiving")
_KOREA = "KR"


def lint(
    located: Sequence[Located],
    hierarchies: Mapping[str, HierarchyTable],
    features: Mapping[str, FeatureInfo],
) -> list[Fault]:
    """Return every fault of a folder whose documents all decoded."""
    folder = Folder(located, hierarchies, features)
    checks = (
        _documents,
        lint_people,
        _datasets,
        _roles,
        _releases,
        _domains,
        _identity,
    )
    return [fault for check in checks for fault in check(folder)]


def lint_table(table: HierarchyTable, file: str) -> Iterator[Fault]:
    """Yield what is wrong with a hierarchy table; line 1 holds the levels."""

    def fault(line: int, rule: str, message: str) -> Fault:
        return Fault(file=file, line=line, rule=rule, message=message)

    if len(set(table.levels)) != len(table.levels) or "" in table.levels:
        yield fault(1, "duplicate_key", "levels have different names")
        return
    for line, row in enumerate(table.rows, start=2):
        if len(row) != len(table.levels) or "" in row:
            yield fault(line, "type", f"a row holds {len(table.levels)} texts")
            return
    for level in range(len(table.levels)):
        known: dict[str, str] = {}
        for line, row in enumerate(table.rows, start=2):
            for below in range(level + 1):
                if known.setdefault(row[below], row[level]) != row[level]:
                    message = (
                        f"{row[below]!r} lies in two places of {table.levels[level]}"
                    )
                    yield fault(line, "conflicting_transforms", message)
                    return


def _documents(folder: Folder) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for item in folder.located:
        name = (kind_of(item.document), item.document.key)
        if name in seen:
            message = f"a second {name[0]} {name[1]!r}"
            yield item.marked.fault("duplicate_key", message, "key")
        seen.add(name)
    count = sum(1 for _ in folder.of(IdentityPolicy))
    if count != 1:
        message = f"exactly one document of kind identity, not {count}"
        yield Fault(file=".", line=0, rule="missing_document", message=message)


def _datasets(folder: Folder) -> Iterator[Fault]:
    refused = [
        pattern for place in folder.jurisdictions.values() for pattern in place.refuse
    ]
    for dataset, marked in folder.of(Dataset):
        when = dataset.fields.get("occurred_at")
        if when is None or when.type != "timestamp" or when.paths != (TIME_PATH,):
            message = f"occurred_at is a timestamp from {TIME_PATH}"
            yield marked.fault("no_occurred_at", message, "fields")
        for name, field in dataset.fields.items():
            at: tuple[PathKey, ...] = ("fields", name)
            if name in RESERVED:
                yield marked.fault("name_reserved", f"{name!r} is reserved", *at)
            if is_covered(field.category, refused) and not field.deny:
                message = (
                    f"{field.category} is refused here; only deny: true may name it"
                )
                yield marked.fault("denied_column", message, *at)
            yield from _field_paths(field, marked, at)
            yield from _field_purposes(folder, dataset, field, marked, at)
            yield from _field_form(folder, field, marked, at)
        yield from _denied_paths(dataset, marked)


def _field_paths(
    field: Field, marked: Marked, at: tuple[PathKey, ...]
) -> Iterator[Fault]:
    for path in field.paths:
        held = any(path == own or path.startswith(f"{own}.") for own in ENVELOPE)
        if held and not (path == TIME_PATH and field.type == "timestamp"):
            yield marked.fault("name_reserved", f"{path} is no field", *at, "from")
        many = "[]" in path
        if field.type is not None and many and not field.type.startswith("list["):
            message = f"{path} makes a list; {field.type} is one value"
            yield marked.fault("conflicting_transforms", message, *at, "type")


def _field_purposes(
    folder: Folder,
    dataset: Dataset,
    field: Field,
    marked: Marked,
    at: tuple[PathKey, ...],
) -> Iterator[Fault]:
    yield from missing(
        marked,
        folder.purposes,
        *(("purpose", key, (*at, "purposes")) for key in field.purposes),
    )
    if field.deny:
        return
    if not field.purposes:
        yield marked.fault("field_without_purpose", "no purpose needs it", *at)
    if not covers("user", field.category):
        return
    if field.retention is None and dataset.retention is None:
        yield marked.fault("retention_missing", "how long is it kept?", *at)
    if field.type is not None and not (field.transform or field.why):
        yield marked.fault("why_missing", "no transform, and no why", *at)


def _field_form(
    folder: Folder, field: Field, marked: Marked, at: tuple[PathKey, ...]
) -> Iterator[Fault]:
    forms = sum((field.type is not None, field.identifier is not None, field.deny))
    if forms != 1:
        message = "a field has exactly one of type, identifier and deny"
        yield marked.fault("conflicting_transforms", message, *at)
    if field.sealed:
        message = "sealed values come with the keys of handles"
        yield marked.fault("sealed_unavailable", message, *at, "sealed")
    if field.identifier is not None:
        yield from missing(
            marked,
            folder.namespaces,
            ("namespace", field.identifier, (*at, "identifier")),
        )
    steps = list(_step_faults(folder, field.transform, marked, (*at, "transform")))
    yield from steps
    if field.type is None or steps:
        if field.type is None and (field.transform or field.detect):
            message = "only a field with a type is transformed"
            yield marked.fault("conflicting_transforms", message, *at)
        return
    kind, _ = as_kind(field.type)
    try:
        compile_steps(kind, field.transform, field.detect, folder.hierarchies)
    except IncompatibleStepError as error:
        yield marked.fault("conflicting_transforms", str(error), *at, "transform")


def _step_faults(
    folder: Folder, steps: Sequence[Step], marked: Marked, at: tuple[PathKey, ...]
) -> Iterator[Fault]:
    twice = [
        name for name, n in Counter(step.transform for step in steps).items() if n > 1
    ]
    for name in twice:
        yield marked.fault("conflicting_transforms", f"{name} stands twice", *at)
    for index, step in enumerate(steps):
        if step.hierarchy is not None:
            table = folder.hierarchies.get(step.hierarchy.name)
            if table is None or step.hierarchy.to not in table.levels:
                name = f"{step.hierarchy.name} with level {step.hierarchy.to}"
                message = f"no hierarchy {name}"
                yield marked.fault("unknown_reference", message, *at, index)
        if step.map is not None:
            outputs = {*step.map.values.values(), step.map.other}
            moved = sorted(
                text for text in outputs if step.map.values.get(text, text) != text
            )
            if moved:
                message = f"the output {moved[0]!r} is mapped on"
                yield marked.fault("conflicting_transforms", message, *at, index)


def _denied_paths(dataset: Dataset, marked: Marked) -> Iterator[Fault]:
    denied = {
        path for field in dataset.fields.values() if field.deny for path in field.paths
    }
    for name, field in dataset.fields.items():
        for path in () if field.deny else field.paths:
            if any(
                path == one or path.startswith((f"{one}.", f"{one}[")) for one in denied
            ):
                message = f"{path} is denied by another field"
                yield marked.fault("conflicting_transforms", message, "fields", name)


def _roles(folder: Folder) -> Iterator[Fault]:
    for role, marked in folder.of(Role):
        yield from missing(
            marked,
            folder.purposes,
            *(("purpose", key, ("purposes",)) for key in role.purposes),
        )
        yield from missing(
            marked,
            tuple(Kind),
            *(("audit kind", kind, ("may", n)) for n, kind in enumerate(role.may)),
        )
        if _PULL in role.may and (keys := _KEYS.intersection(role.may)):
            message = f"{_PULL} and {', '.join(sorted(keys))} in one role"
            yield marked.fault("role_joins_keys_and_features", message, "may")
    for recipient, marked in folder.of(Recipient):
        yield from missing(marked, folder.roles, ("role", recipient.role, ("role",)))


def _releases(folder: Folder) -> Iterator[Fault]:
    for release, marked in folder.of(Release):
        references = [
            *missing(
                marked, folder.purposes, ("purpose", release.purpose, ("purpose",))
            ),
            *missing(
                marked,
                folder.recipients,
                ("recipient", release.recipient, ("recipient",)),
            ),
            *missing(
                marked, folder.datasets, ("dataset", release.dataset, ("dataset",))
            ),
        ]
        yield from references
        if references:
            continue
        dataset = folder.datasets[release.dataset]
        yield from _columns(folder, release, dataset, marked)
        yield from _generalised(folder, release, dataset, marked)
        yield from _transfer(folder, release, marked)
        if release.basis == "pipa_28_2":
            if not is_covered(release.purpose, _28_2_PURPOSES):
                message = "28-2 covers statistics, research and archiving alone"
                yield marked.fault("basis_28_2_purpose", message, "purpose")
            if release.domain.reidentify != "never":
                message = "a 28-2 domain says reidentify: never"
                yield marked.fault("reidentify_28_2", message, "domain")


def _columns(
    folder: Folder, release: Release, dataset: Dataset, marked: Marked
) -> Iterator[Fault]:
    if not release.columns.all:
        message = "a release names a column"
        yield marked.fault("unclassified_column", message, "columns")
    for name, count in Counter(release.columns.all).items():
        at = _place(release, name)
        if count > 1:
            message = f"{name} is in one class, once"
            yield marked.fault("unclassified_column", message, *at)
        feature = folder.features.get(name)
        inputs: tuple[str, ...] = (name,)
        if name not in dataset.fields and feature is not None:
            inputs = feature.inputs
            if feature.purposes and release.purpose not in feature.purposes:
                message = f"{name} is not made for {release.purpose}"
                yield marked.fault("column_without_release_purpose", message, *at)
        for field in inputs:
            yield from _column(release, dataset, name, field, marked)


def _column(
    release: Release, dataset: Dataset, name: str, key: str, marked: Marked
) -> Iterator[Fault]:
    at = _place(release, name)
    field = dataset.fields.get(key)
    of = name if name == key else f"{name} (from {key})"
    if field is None:
        yield marked.fault("unknown_reference", f"no field or feature {of}", *at)
        return
    if field.column_type is None:
        yield marked.fault("denied_column", f"{of} is never a column", *at)
    elif is_covered(field.category, release.deny_categories):
        yield marked.fault("denied_column", f"{of} is of a denied category", *at)
    if release.purpose not in field.purposes:
        message = f"{of} is not kept for {release.purpose}"
        yield marked.fault("column_without_release_purpose", message, *at)


def _place(release: Release, name: str) -> tuple[PathKey, ...]:
    """Return the path of the last mention of a column."""
    places: list[tuple[PathKey, ...]] = [
        ("columns", kind, index)
        for kind in ("quasi", "sensitive", "plain")
        for index, column in enumerate(getattr(release.columns, kind))
        if column == name
    ]
    return places[-1]


def _generalised(
    folder: Folder, release: Release, dataset: Dataset, marked: Marked
) -> Iterator[Fault]:
    for name, step in release.generalise.items():
        at: tuple[PathKey, ...] = ("generalise", name)
        if name not in release.columns.all:
            message = f"{name} is no column of this release"
            yield marked.fault("unknown_reference", message, *at)
        faults = list(_step_faults(folder, [step], marked, at))
        yield from faults
        field = dataset.fields.get(name)
        if field is None or faults:
            continue
        if any(_step_faults(folder, field.transform, marked, at)):
            continue  # said where the field stands
        for own in field.transform:
            if not is_at_least_as_coarse(step, own, folder.hierarchies):
                message = f"{name} is already coarser in {dataset.key}"
                yield marked.fault("not_coarser", message, *at)


def _transfer(folder: Folder, release: Release, marked: Marked) -> Iterator[Fault]:
    purpose = folder.purposes[release.purpose]
    recipient = folder.recipients[release.recipient]
    named = recipient.key in purpose.scope.recipients
    if recipient.relation == "third_party" and not named:
        message = f"the consent of {purpose.key} does not name {recipient.key}"
        yield marked.fault("third_party_without_scope", message, "recipient")
    abroad = recipient.country != _KOREA and purpose.basis_in(_KOREA) is not None
    if abroad and recipient.country not in purpose.scope.countries:
        message = f"the consent of {purpose.key} does not name {recipient.country}"
        yield marked.fault("foreign_recipient_without_scope", message, "recipient")


def _domains(folder: Folder) -> Iterator[Fault]:
    domains: dict[tuple[str, str], list[tuple[Release, Marked]]] = defaultdict(list)
    for release, marked in folder.of(Release):
        domains[release.purpose, release.recipient].append((release, marked))
    for members in domains.values():
        first = members[0][0]
        for release, marked in members[1:]:
            if release.domain != first.domain:
                message = f"{first.key} has the same domain with other settings"
                yield marked.fault("domain_mismatch", message, "domain")


def _identity(folder: Folder) -> Iterator[Fault]:
    for identity, marked in folder.of(IdentityPolicy):
        names = Counter(space.name for space in identity.namespaces)
        for name, count in names.items():
            if count > 1:
                message = f"namespace {name!r} stands twice"
                yield marked.fault("duplicate_key", message, "namespaces")
        for index, pattern in enumerate(identity.blocked.patterns):
            try:
                re.compile(pattern)
            except re.error:
                at = ("blocked", "patterns", index)
                yield marked.fault("type", "not a regular expression", *at)
