"""Client: what a segmentation job imports.

HTTP out; a table and its grant back.

- An answer is checked against the grant's content hash before anybody sees it.
- Errors carry the service's own code.

Refuses every room but ``kernel``: a job links none of the core.
"""

from cdp.client.client import Client
from cdp.client.content import content_hash
from cdp.client.errors import (
    ContentError,
    HashMismatchError,
    RefusedError,
    UnreachableError,
    UnreadableAnswerError,
)
from cdp.client.frame import FeatureFrame

__all__ = [
    "Client",
    "ContentError",
    "FeatureFrame",
    "HashMismatchError",
    "RefusedError",
    "UnreachableError",
    "UnreadableAnswerError",
    "content_hash",
]
