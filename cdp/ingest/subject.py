"""The handle of whoever a client names: found, or made to hold what is said of them.

One identifier in, one handle out; the value is digested in here and goes no further.
Somebody the store does not know gets a handle, for a decision is remembered before
anything else is, and an answer never tells who is known.

Refuses: an identifier that is blocked or malformed.
"""

from datetime import datetime

from cdp.gate import Subject
from cdp.identity import Dropped, IdentityRules, NewHandle, create, normalize
from cdp.ingest.errors import DecisionRefusedError
from cdp.kernel import Handle, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection


def handle_of(
    connection: Connection,
    subject: Subject,
    *,
    rules: IdentityRules,
    ring: KeyRing,
    seq: Seq,
    now: datetime,
) -> Handle:
    """Return the handle of ``subject``; a new one belongs to ``seq``.

    Raises:
        DecisionRefusedError: the identifier is none.
    """
    form = normalize(
        subject.namespace,
        subject.value,
        rules,
        source=subject.source,
        region=subject.region,
    )
    if isinstance(form, Dropped):
        raise DecisionRefusedError(f"the identifier is none: {form.rule}")
    digester = ring.digester(form.namespace)
    digest = digester.digest(form.digest_input)
    new = NewHandle(
        digest=digest,
        namespace=form.namespace,
        epoch=digester.epoch,
        rule_version=rules.version,
        first_seen=now,
    )
    return create(connection, [new], seq, now=now)[digest]
