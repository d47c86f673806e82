"""Values that trackers send where an identifier should be, and that are nobody's.

They are dropped before anything is made of them: no digest, no handle, no anchor. The
event goes on without them. A policy may name its own list; this one is where it starts.

Source: the design page "Identity", section 2; RFC 2606 for the reserved domains.
"""

# Compared in lower case, without quotes and blanks around.
BLOCKED_VALUES = frozenset(
    {
        "",
        "[object object]",
        "anonymous",
        "distinct_id",
        "distinctid",
        "email",
        "false",
        "guest",
        "id",
        "n/a",
        "nan",
        "nil",
        "none",
        "not_authenticated",
        "null",
        "test",
        "true",
        "undefined",
        "unknown",
        "user",
    }
)

# RFC 2606 sections 2 and 3; a name blocks every name under it.
RESERVED_DOMAINS = frozenset(
    {
        "example",
        "example.com",
        "example.net",
        "example.org",
        "invalid",
        "localhost",
        "test",
    }
)
