"""The root of every error that the project raises on purpose.

A decision is a value and never an exception (see ``cdp.gate``); an exception is for
what should not happen. Messages hold ids, counts and codes, never a value of a person.
"""

from typing import ClassVar


class CdpError(Exception):
    """Something that should not happen, said for a person to read.

    ``code`` is dotted, stable and public: it stands in answers, logs and the docs. The
    web
    rooms turn it into a status; no room below knows one.
    """

    code: ClassVar[str] = "internal"
