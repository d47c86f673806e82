"""The one place that reads the environment.

A setting is ``CDP_`` and its name in capitals. No secret has a default. Command-line
options win over the environment; the environment wins over the default.
"""

import os
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from cdp.kernel import CdpError

PREFIX: Final = "CDP_"


class SettingError(CdpError):
    """A setting cannot be read; the message names it."""

    code: ClassVar[str] = "settings.invalid"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the service is told about its surroundings.

    - ``data``: the data folder.
    - ``keys``: the key ring's file; None means the one that the data folder remembers.
    - ``store``: the store's URL; None means the one that the data folder remembers.
    - ``policies``: the folder of policy documents; None means the set that ships.
    - ``log_level``: of the program's own log.
    - ``flush_seconds``: the pause between two moves of the inbox into the lake.
    - ``publish_seconds``: the pause between two looks for news of the log.
    - ``memory_megabytes``: what the engine of a release may use.
    - ``threads``: how many threads that engine may use.
    - ``public_url``: where people reach the service, such as ``https://me.example``;
      what links to the preference page begin with. Empty gives links without a host.
    - ``trusted_proxies``: addresses whose ``X-Forwarded-For`` is believed, with commas.
    - ``controller_name``, ``controller_contact``: who decides about the processing, and
      how a person reaches them; stated in receipts.
    - ``webhook_url``: who is told of changes of consent; empty means nobody.
    - ``webhook_name``: the receiver's name; its pseudonyms and its secret hang on it.
    """

    data: Path = Path("data")
    keys: Path | None = None
    store: str | None = None
    policies: Path | None = None
    log_level: str = "info"
    flush_seconds: float = 5.0
    publish_seconds: float = 1.0
    memory_megabytes: int = 2048
    threads: int = 2
    public_url: str = ""
    trusted_proxies: str = ""
    controller_name: str = ""
    controller_contact: str = ""
    webhook_url: str = ""
    webhook_name: str = "webhook"

    def __repr__(self) -> str:
        # A store's URL may hold a password.
        return f"Settings(data={str(self.data)!r})"


def read_settings(**given: object) -> Settings:
    """Return the settings: what is given, else the environment, else the default.

    Args:
        given: values by field name; None counts as not given.

    Raises:
        SettingError: a value cannot be read.
    """
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        own = given.get(field.name)
        text = os.environ.get(PREFIX + field.name.upper())
        if own is not None:
            values[field.name] = str(own) if isinstance(own, Path) else own
        elif text:
            values[field.name] = text
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingError(f"a setting cannot be read: {error}") from error


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError
