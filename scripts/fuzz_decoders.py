"""Throws bytes at the decoders and readers of consent, guided by coverage.

    make fuzz                          every target, a minute each
    make fuzz TARGET=tcf SECONDS=600   one of them, for longer

A decoder may raise its one typed error and nothing else; a reader may raise nothing. A
reading grants nothing that it denies, nothing that is not asked about, and nothing at
all when it could not be read. A TC string that decodes says what a slow second reader
finds in its bits. What breaks one of these ends the run, and the bytes are kept in
``.build/fuzz``.

``-max_total_time`` of libFuzzer bounds each run; further options of it are passed on.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".build" / "fuzz"
# By its folder: an installed package may be called "tests" too.
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "consent")]

with atheris.instrument_imports(include=["cdp"]):
    import tc_encoder

    from cdp.consent.decoders.categories import read_segment
    from cdp.consent.decoders.consent_mode import (
        decode_gcd,
        decode_gcs,
        read_consent_mode,
        read_ga4,
    )
    from cdp.consent.decoders.gpp import decode_gpp_string
    from cdp.consent.decoders.gpp_reader import read_gpp
    from cdp.consent.decoders.rudderstack import read_rudderstack
    from cdp.consent.decoders.snowplow import read_snowplow
    from cdp.consent.decoders.tcf import decode_tc_string
    from cdp.consent.decoders.tcf_reader import read_tcf
    from cdp.consent.errors import ConsentModeError, GPPStringError, TCStringError
    from cdp.consent.reading import Reading
    from cdp.consent.rules import (
        Basis,
        ConsentRules,
        Default,
        JurisdictionRule,
        ScopeRule,
        TCFRole,
        TCFRule,
    )

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLACE = "EU"
RULES = ConsentRules(
    version="fuzz",
    scopes=tuple(
        ScopeRule(
            ordinal=ordinal,
            purpose=f"purpose{ordinal}",
            basis={PLACE: list(Basis)[ordinal % len(Basis)]},
            categories=("Advertising", "DataSharing")[: ordinal % 3],
            tcf=(1, 2, 7, 8)[: ordinal % 5],
            gpp=("SaleOptOut", "SensitiveDataProcessing")[: ordinal % 3],
            consent_mode=("ad_storage", "ad_user_data")[: ordinal % 3],
        )
        for ordinal in range(6)
    ),
    jurisdictions={
        PLACE: JurisdictionRule(key=PLACE, default=Default.OPT_IN, zone="UTC")
    },
    tcf=TCFRule(role=TCFRole.VENDOR, vendor_id=31),
)
BITS = b"bits:"
SEPARATOR = re.compile(rb"([.~])")
SCOPES = sum(scope.bit for scope in RULES.scopes)


class BrokenError(Exception):
    """A claim about a decoder or a reader does not hold."""


def claim(what: str, *, holds: bool) -> None:
    if not holds:
        raise BrokenError(what)


def check(readings: Iterable[Reading | None]) -> None:
    for reading in readings:
        if reading is None:
            continue
        said = reading.verdicts
        about = said.grants | said.denies | said.unreadable
        claim("no scope is granted and denied", holds=not said.grants & said.denies)
        claim("nothing else is spoken of", holds=not about & ~SCOPES)
        claim("a problem grants nothing", holds=not (reading.problem and said.grants))


def text_of(data: bytes) -> str:
    """Return text with any code point, lone surrogates too, from any bytes."""
    return data.decode("utf-8", "surrogateescape")


def spell(data: bytes) -> str:
    """Return a consent string: text as it is, or in base64url what ``bits`` wrote.

    A flipped bit of the second form is a flipped bit of a field, and no wrong letter.
    """
    if not data.startswith(BITS):
        return text_of(data)
    parts = SEPARATOR.split(data.removeprefix(BITS))
    parts[::2] = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts[::2]]
    return b"".join(parts).decode()


def bits(string: str) -> bytes:
    """Return the bytes of each part between ``.`` and ``~``, and these between."""
    parts = re.split(r"([.~])", string)
    raw = [
        part.encode()
        if place % 2
        else base64.urlsafe_b64decode(part[: len(part) // 4 * 4])
        for place, part in enumerate(parts)
    ]
    return BITS + b"".join(raw)


def value_of(data: bytes) -> object:
    """Return what the bytes are as JSON, or else the text."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return text_of(data)


def tcf(data: bytes) -> None:
    text = spell(data)
    check([read_tcf(text, RULES, PLACE, NOON)])
    slow = tc_encoder.read(text)
    try:
        tc = decode_tc_string(text)
    except TCStringError:
        claim("what is whole decodes", holds=slow is None)
        return
    claim("what decodes is whole", holds=slow is not None)
    said_alike = tc_encoder.said_by(tc) == tc_encoder.said(slow)
    claim("it says what its bits say", holds=said_alike)


def gpp(data: bytes) -> None:
    text = spell(data)
    check(read_gpp(text, RULES, PLACE, NOON, value_of(data[-8:])))
    try:
        decode_gpp_string(text).to_dict()
    except GPPStringError:
        return


def consent_mode(data: bytes) -> None:
    value, text = value_of(data), text_of(data)
    check(read(value, RULES, PLACE, NOON) for read in (read_consent_mode, read_ga4))
    for decode in (decode_gcd, decode_gcs):
        try:
            decode(text)
        except ConsentModeError:
            continue


def by_json(read: Callable[..., Reading | None]) -> Callable[[bytes], None]:
    return lambda data: check([read(value_of(data), RULES, PLACE, NOON)])


TARGETS: dict[str, Callable[[bytes], None]] = {
    "tcf": tcf,
    "gpp": gpp,
    "consent_mode": consent_mode,
    "segment": by_json(read_segment),
    "rudderstack": by_json(read_rudderstack),
    "snowplow": by_json(read_snowplow),
}

LISTS: dict[str, list[Any]] = {
    "consent_mode": [
        {"gcs": "G111", "gcd": "13l3t3r3p5l1"},
        {"gcs": "G1--"},
        {"ad_storage": "granted", "ad_user_data": "denied"},
        "13v3u3m3q5",
    ],
    "segment": [
        {"categoryPreferences": {"Advertising": True, "DataSharing": False}},
        {"categoryPreferences": {}},
        {},
        [],
    ],
    "rudderstack": [
        {"allowedConsentIds": ["Advertising"], "deniedConsentIds": ["DataSharing"]},
        {"deniedConsentIds": {}, "resolutionStrategy": "or", "provider": "custom"},
    ],
    "snowplow": [
        {
            "eventType": kind,
            "basisForProcessing": "consent",
            "consentScopes": ["Advertising"],
            "consentVersion": "1.0",
        }
        for kind in ("allow_selected", "deny_all", "pending", "expired", "withdrawn")
    ]
    + [
        {
            "schema": f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0",
            "data": {"expiry": None, "all": False},
            "documents": [{"id": "Advertising", "version": "1"}],
        }
        for name in ("consent_granted", "consent_withdrawn")
    ],
}


def seeds(target: str) -> Iterable[bytes]:
    """Yield whole statements for the fuzzer to begin with."""
    made = {"tcf": "tc_strings.json", "gpp": "gpp_strings.json"}.get(target)
    if made is None:
        for value in LISTS[target]:
            yield (value if isinstance(value, str) else json.dumps(value)).encode()
        return
    vectors = json.loads((ROOT / "tests" / "vectors" / made).read_text("utf-8"))
    for vector in vectors["vectors"]:
        yield vector["string"].encode()
        yield bits(vector["string"])


def run(target: str, seconds: int, further: list[str]) -> None:
    """Fuzz one target; libFuzzer ends the process."""
    corpus = KEPT / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=5",
        f"-artifact_prefix={KEPT / target}.",
        *further,
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[target])
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", choices=["all", *TARGETS], default="all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    asked, further = parser.parse_known_args()
    if asked.target != "all":
        run(asked.target, asked.seconds, further)
        return
    for target in TARGETS:
        print(f"== {target}", flush=True)
        # libFuzzer ends its process, so each target has one of its own.
        command = [sys.executable, __file__, target, f"--seconds={asked.seconds}"]
        subprocess.run([*command, *further], check=True)  # noqa: S603 - ourselves


if __name__ == "__main__":
    main()
