"""What a notice leaves out of a scope, as the policy is today.

A notice covers a scope in a jurisdiction when it tells of all that the scope takes
today:

- items: the category of every field of a person that is kept for the purpose;
- retention: at least as long as the longest of these fields is kept;
- countries and, for a recipient's scope, the recipient itself;
- where the jurisdiction ``needs_notice``: all four items of PIPA 15(2);
- where it ``separates``: a choice of its own for the scope's class of PIPA 22(1).

What a notice does not speak of at all narrows nothing where no notice is needed. So
when a field, a recipient or a retention is added, old grants stop covering it: nothing
has to be written down for that (R17).

Pure. Source: PIPA 15(2), 17(2), 18(3), 22(1), 28-8(2).
"""

from collections.abc import Iterable, Iterator, Mapping

from cdp.policy.categories import covers, is_covered
from cdp.policy.documents import (
    Dataset,
    Jurisdiction,
    Notice,
    Purpose,
    Recipient,
    Told,
)
from cdp.policy.durations import is_within
from cdp.policy.scopes import third_parties


def gaps(
    notice: Notice,
    purpose: Purpose,
    recipient: Recipient | None,
    place: Jurisdiction,
    *,
    recipients: Mapping[str, Recipient],
    datasets: Iterable[Dataset],
) -> list[str]:
    """Return what the notice leaves out of a scope in a jurisdiction; empty: covered.

    Args:
        recipient: the third party of the scope; None for the purpose's own.
        recipients: all of the policy.
        datasets: all of the policy.
    """
    told = notice.purposes.get(purpose.key)
    if told is None:
        return ["the purpose"]
    found = [
        *_items(told, purpose, datasets),
        *_abroad(told, purpose, recipient, recipients),
    ]
    if recipient is not None and recipient.key not in told.recipients:
        found.append(f"recipient {recipient.key}")
    basis = purpose.basis_in(place.key)
    if basis is None or basis.type not in {"consent", "opt_out"}:
        return found
    if place.needs_notice and not told.is_complete:
        found.append("one of items, retention and refusal")
    if place.separates and basis.separate_class not in notice.separately:
        found.append(f"a choice of its own for {basis.separate_class}")
    return found


def _items(told: Told, purpose: Purpose, datasets: Iterable[Dataset]) -> Iterator[str]:
    missing: set[str] = set()
    for dataset in datasets:
        for field in dataset.fields.values():
            if field.deny or purpose.key not in field.purposes:
                continue
            if not covers("user", field.category):
                continue
            if told.items and not is_covered(field.category, told.items):
                missing.add(f"item {field.category}")
            kept = field.retention or dataset.retention
            if told.retention and kept and not is_within(kept, told.retention):
                missing.add(f"retention {kept}")
    yield from sorted(missing)


def _abroad(
    told: Told,
    purpose: Purpose,
    recipient: Recipient | None,
    recipients: Mapping[str, Recipient],
) -> Iterator[str]:
    named = set(purpose.scope.countries)
    if recipient is None:
        # Where only a third party is, its own scope answers for.
        others = third_parties(purpose, recipients)
        ours = {
            one.country
            for key in purpose.scope.recipients
            if (one := recipients.get(key)) is not None
            and one.relation != "third_party"
        }
        needed = named - ({one.country for one in others} - ours)
    else:
        needed = named & {recipient.country}
    for country in sorted(needed - set(told.countries)):
        yield f"country {country}"
