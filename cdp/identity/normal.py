"""One spelling for each identifier, before its digest is taken.

- A normal form is a fixed point: the normal form of a normal form is itself.
- What is no identifier is ``Dropped`` with a rule, never guessed at and never an
  exception.
- For ``email`` and ``phone`` the digest covers SHA-256 of the normal form, so a value
  that was hashed before it was sent meets the raw one. MD5 and SHA-1 are refused.
- A device or cookie value under 16 characters is nobody's own: it counts within its
  source only.

``lower`` and not full case folding: folding turns ß into ss and can join two mailboxes,
and those who hash before sending use lower. Dots and ``+tag`` of a local part are kept,
but in ``email_ga``, which exists for hashes made the GA4 way.

Refuses: keys. Whoever has one takes the digest.

Source: UTS 46 and RFC 5891 for domains (PyPI ``idna``); ITU-T E.164 for phones (PyPI
``phonenumbers``); RFC 5321 section 4.5.3.1 for the lengths of an address.
"""

import hashlib
import re
import unicodedata
from enum import StrEnum

import idna
import msgspec
import phonenumbers

from cdp.identity.rules import HASHED_FORMS, Form, IdentityRules, Namespace

_MAX_BYTES = 512
# No value of 512 bytes is longer than this before compatibility forms shrink it; longer
# text is not worth normalizing to find out.
_MAX_CHARACTERS = 4 * _MAX_BYTES
# RFC 5321 section 4.5.3.1.1 and errata 1690: octets.
_MAX_LOCAL = 64
_MAX_ADDRESS = 254
# Shorter values are counters and model names, equal on devices that never met.
_SCOPED_BELOW = 16

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_NOTHING = re.compile(r"[0-]*|-1|(.)\1{7,}", re.DOTALL)
_QUOTES = "\"'`"
_SHA256_DIGITS = 64
_WEAK_DIGITS = frozenset({32, 40})
# Letters, digits and inner hyphens, none of them in places three and four together:
# what IDNA would return as it came. Everything else takes the long way.
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_ADDRESS = re.compile(rf"([!-?A-~]{{1,64}})@({_LABEL}(?:\.{_LABEL})*)\.?")
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_SCOPE = "\x1f"  # in no value, for values hold no control characters


class DropRule(StrEnum):
    """Why a value is no identifier. Stable: counted under this name."""

    NAMESPACE = "unknown_namespace"
    TYPE = "type"
    LENGTH = "length"
    CONTROL = "control"
    BLOCKED = "blocked"
    PATTERN = "pattern"
    SOURCE = "source"
    HASH = "hash"
    WEAK_HASH = "weak_hash"
    RESERVED_DOMAIN = "reserved_domain"
    ROLE_ADDRESS = "role_address"
    MALFORMED = "malformed"
    EXTENSION = "extension"


class Normalized(msgspec.Struct, frozen=True):
    """An identifier; ``digest_input`` is what the keyed digest covers."""

    namespace: str
    digest_input: bytes

    def __repr__(self) -> str:
        return f"Normalized({self.namespace!r})"


class Dropped(msgspec.Struct, frozen=True):
    """A value that is no identifier, without the value."""

    namespace: str
    rule: DropRule


def normalize(
    namespace: str,
    value: object,
    rules: IdentityRules,
    *,
    source: str,
    region: str | None = None,
) -> Normalized | Dropped:
    """Return the one spelling of ``value``, ready for its digest, or why it has none.

    Args:
        namespace: a namespace of the rules; ``email_sha256`` and the like mean the
            namespace without the suffix.
        value: as it came; text, or an integer.
        source: the name of the sender, for its own blocked values and for short ids.
        region: the country of phone numbers without ``+``, as ISO 3166; None for none.
    """
    rule = rules.by_field.get(namespace)
    if rule is None:
        return Dropped(namespace, DropRule.NAMESPACE)
    if type(value) is int:
        value = str(value)
    elif not isinstance(value, str):
        return Dropped(rule.name, DropRule.TYPE)
    text = value.strip()
    dropped = _refused(text, rule, rules, source)
    if dropped is not None:
        return Dropped(rule.name, dropped)
    if rule.form in HASHED_FORMS and _HEX.fullmatch(text):
        if len(text) == _SHA256_DIGITS:
            return Normalized(rule.name, bytes.fromhex(text))
        if len(text) in _WEAK_DIGITS:
            return Dropped(rule.name, DropRule.WEAK_HASH)
    form = normal_form(text, rule, rules, region)
    if isinstance(form, DropRule):
        return Dropped(rule.name, form)
    if rule.form in HASHED_FORMS:
        return Normalized(rule.name, hashlib.sha256(form.encode()).digest())
    if rule.form is Form.DEVICE and len(form) < _SCOPED_BELOW:
        form = f"{source}{_SCOPE}{form}"
    return Normalized(rule.name, form.encode())


def normal_form(
    text: str, namespace: Namespace, rules: IdentityRules, region: str | None
) -> str | DropRule:
    """Return the normal form of trimmed text that is not blocked, or a rule."""
    form: str | DropRule
    match namespace.form:
        case Form.TEXT:
            form = _composed(text)
        case Form.DEVICE:
            form = text.lower() if _UUID.fullmatch(text) else text
        case Form.EMAIL | Form.EMAIL_GA:
            form = _address(text, rules, without_dots=namespace.form is Form.EMAIL_GA)
        case Form.PHONE:
            form = _number(text, region)
    if isinstance(form, DropRule):
        return form
    # A character is at most four bytes: only then can it be too long.
    if len(form) * 4 > _MAX_BYTES and len(form.encode()) > _MAX_BYTES:
        return DropRule.LENGTH
    return form


def _refused(
    text: str, namespace: Namespace, rules: IdentityRules, source: str
) -> DropRule | None:
    """Say why trimmed text is no identifier whatever its namespace's form."""
    if len(text) > _MAX_CHARACTERS:
        return DropRule.LENGTH
    if text.isascii():
        plain = text.lower()
    else:
        try:
            text.encode()
        except UnicodeEncodeError:
            return DropRule.MALFORMED  # a lone surrogate: no UTF-8 spells it
        plain = unicodedata.normalize("NFKC", text).strip().lower()
    if not text.isprintable() and _CONTROL.search(text):
        return DropRule.CONTROL
    if plain[:1] in _QUOTES or plain[-1:] in _QUOTES:
        plain = plain.strip(_QUOTES).strip()
    if plain in rules.blocked or not plain:
        return DropRule.BLOCKED
    if _NOTHING.fullmatch(plain):
        return DropRule.PATTERN
    if plain.replace("_", "") == namespace.name.replace("_", ""):
        return DropRule.PATTERN
    if source in rules.blocked_by_source and (
        text in rules.blocked_by_source[source]
        or plain in rules.blocked_by_source[source]
    ):
        return DropRule.SOURCE
    if (
        len(plain) == _SHA256_DIGITS
        and _HEX.fullmatch(plain)
        and bytes.fromhex(plain) in rules.blocked_hashes
    ):
        return DropRule.HASH
    return None


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _address(text: str, rules: IdentityRules, *, without_dots: bool) -> str | DropRule:
    plain = text.lower() if text.isascii() else _folded(text)
    matched = _PLAIN_ADDRESS.fullmatch(plain)
    if matched is not None:
        local, domain = matched.groups()
    else:
        parts = _local_and_domain(plain)
        if parts is None:
            return DropRule.MALFORMED
        local, domain = parts
    if without_dots and domain in _GMAIL:
        local = local.replace(".", "")
    address = f"{local}@{domain}"
    if not local or len(address.encode()) > _MAX_ADDRESS:
        return DropRule.MALFORMED
    if _is_reserved(domain, rules.reserved_domains):
        return DropRule.RESERVED_DOMAIN
    if address in rules.role_addresses:
        return DropRule.ROLE_ADDRESS
    return address


def _folded(text: str) -> str:
    # NFKC may open with a blank (a spacing accent does), so the trim comes after it.
    lower = unicodedata.normalize("NFKC", text).strip().lower()
    return unicodedata.normalize("NFKC", lower)


def _local_and_domain(plain: str) -> tuple[str, str] | None:
    local, sign, domain = plain.partition("@")
    if not sign or "@" in domain or _SPACE.search(plain):
        return None
    if not 1 <= len(local.encode()) <= _MAX_LOCAL:
        return None
    try:
        encoded = idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:  # IDNAError is one; the library raises both
        return None
    return local, encoded.removesuffix(".").lower()


def _is_reserved(domain: str, reserved: frozenset[str]) -> bool:
    while domain:
        if domain in reserved:
            return True
        domain = domain.partition(".")[2]
    return False


def _number(text: str, region: str | None) -> str | DropRule:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return DropRule.MALFORMED
    if number.extension:
        return DropRule.EXTENSION
    if not phonenumbers.is_valid_number(number):
        return DropRule.MALFORMED
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
