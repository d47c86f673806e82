"""What can go wrong on a page that no lower room knows of.

The person must act: ``FormError``, ``TextChangedError``.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class FormError(CdpError):
    """What arrived is not what our page sends; nothing was done."""

    code: ClassVar[str] = "page.form"


class TextChangedError(CdpError):
    """The text that a page showed is no longer the one of today; nothing was done."""

    code: ClassVar[str] = "page.text_changed"
