"""Published answers, and our own: a ring of version 1 opens for ever."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cdp.keys import (
    DeterministicSealer,
    Digester,
    KeyDestroyedError,
    KeyRing,
    UnsealError,
    permute,
    unpermute,
    verify_ed25519,
)
from cdp.keys.derivation import hkdf_sha256
from cdp.keys.sealing import Sealer
from cdp.keys.wrapping import unwrap, wrap
from cdp.pseudonym import Domain, pseudonymize, reidentify

HERE = Path(__file__)
PUBLISHED = HERE.parents[2].parent / "shared" / "vectors" / "crypto.json"
OWN = HERE.parents[1] / "vectors"

Case = dict[str, str]


@pytest.fixture(scope="module")
def published() -> dict[str, list[Case]]:
    if not PUBLISHED.exists():
        pytest.skip("the published vectors do not lie beside this checkout")
    vectors: dict[str, list[Case]] = json.loads(PUBLISHED.read_text())["vectors"]
    return vectors


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((OWN / "keys.json").read_text())
    return vectors


@pytest.fixture
def ring(own: dict[str, Any], tmp_path: Path) -> KeyRing:
    path = tmp_path / "ring.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(own["ring_file"]))
    return KeyRing.open(path)


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def test_hkdf_gives_the_published_keys(published: dict[str, list[Case]]) -> None:
    for case in published["hkdf_sha256_rfc5869"]:
        okm = hkdf_sha256(
            raw(case["IKM"]),
            salt=raw(case["salt"]),
            info=raw(case["info"]),
            length=int(case["L"]),
        )
        assert okm == raw(case["OKM"])


def test_a_digest_is_the_published_hmac(published: dict[str, list[Case]]) -> None:
    for case in published["hmac_sha256_rfc4231"]:
        expected = raw(case["MD"])
        found = Digester("n", 1, raw(case["Key"])).digest(raw(case["Msg"]))
        assert found[: len(expected)] == expected


@pytest.mark.parametrize("family", ["gfsbox", "vartxt"])
def test_the_permutation_is_the_published_block(
    published: dict[str, list[Case]], family: str
) -> None:
    for case in published[f"aes256_ecb_nist_{family}"]:
        key, block = raw(case["KEY"]), raw(case["PLAINTEXT"])
        assert permute(key, block) == raw(case["CIPHERTEXT"])
        assert unpermute(key, raw(case["CIPHERTEXT"])) == block


def test_a_sealed_text_is_the_published_gcm(published: dict[str, list[Case]]) -> None:
    for case in published["aes256_gcm_nist"]:
        sealer = Sealer("published", raw(case["Key"]))
        sealed = b"\x01" + raw(case["IV"] + case["CT"] + case["Tag"])
        assert sealer.unseal(sealed, raw(case["AAD"])) == raw(case["PT"])


def test_a_deterministic_text_is_the_published_siv(
    published: dict[str, list[Case]],
) -> None:
    for case in published["aes_siv_rfc5297"]:
        associated = [raw(case[n]) for n in ("AAD", "AAD2", "AAD3") if n in case]
        plain, sealed = raw(case["Plaintext"]), raw(case["Tag"] + case["Ciphertext"])
        assert AESSIV(raw(case["Key"])).encrypt(plain, associated) == sealed
        # Shorter keys are AES-128 and AES-192, which are not keys of ours.
        if len(raw(case["Key"])) == 64:
            sealer = DeterministicSealer(raw(case["Key"]))
            assert sealer.seal(plain, associated) == sealed
            assert sealer.unseal(sealed, associated) == plain


def test_a_wrapped_key_is_the_published_one(published: dict[str, list[Case]]) -> None:
    for case in published["aes256_kw_nist"]:
        wrapped = raw(case["C"])
        assert wrap(raw(case["K"]), raw(case["P"])) == wrapped
        assert unwrap(raw(case["K"]), wrapped) == raw(case["P"])
        with pytest.raises(UnsealError):
            unwrap(raw(case["K"]), wrapped[:-1] + bytes([wrapped[-1] ^ 1]))


def test_our_own_answers_are_what_their_script_makes(own: dict[str, Any]) -> None:
    made = runpy.run_path(str(OWN / "make_keys.py"))["vectors"]()
    assert made == own


def test_a_ring_of_version_1_gives_the_same_digests_for_ever(
    ring: KeyRing, own: dict[str, Any]
) -> None:
    for case in own["digest"]:
        digester = ring.digester(case["namespace"], epoch=case["epoch"])
        assert digester.digest(case["normalized"].encode()).hex() == case["digest"]
    assert ring.digester("email").epoch == 2
    mac = own["mac"]
    assert ring.mac(mac["label"], mac["data"].encode()).hex() == mac["mac"]


def test_a_ring_of_version_1_opens_what_it_sealed_for_ever(
    ring: KeyRing, own: dict[str, Any]
) -> None:
    case = own["sealed"]
    opened = ring.unseal(
        case["label"], raw(case["sealed"]), case["associated"].encode()
    )
    assert opened == case["plaintext"].encode()
    wrapped = own["wrapped"]
    assert ring.wrapper(wrapped["name"]).unwrap(raw(wrapped["wrapped"])) == raw(
        wrapped["key"]
    )
    with pytest.raises(KeyDestroyedError):
        ring.seal("payload.202601", b"late", b"")


def test_a_ring_of_version_1_signs_the_same_for_ever(
    ring: KeyRing, own: dict[str, Any]
) -> None:
    case = own["signature"]
    signer = ring.signer(case["name"])
    message, signature = case["message"].encode(), raw(case["signature"])
    assert signer.public.hex() == case["public"]
    assert signer.sign(message) == signature
    assert verify_ed25519(signer.public, signature, message)


def test_a_ring_of_version_1_gives_the_same_pseudonyms_for_ever(
    ring: KeyRing, own: dict[str, Any]
) -> None:
    case = own["domain"]
    domain = Domain(purpose=case["purpose"], recipient=case["recipient"])
    name, epoch = f"{case['purpose']}/{case['recipient']}", case["epoch"]
    assert ring.domain_key(name, "prp", epoch).hex() == case["prp"]
    assert ring.domain_key(name, "siv", epoch).hex() == case["siv"]
    ids, pseudonyms = raw(case["ids"]), raw(case["pseudonyms"])
    assert pseudonymize(ring, domain, epoch, ids).tobytes() == pseudonyms
    assert reidentify(ring, domain, epoch, pseudonyms).tobytes() == ids
    fixed = case["deterministic"]
    sealer = DeterministicSealer(ring.domain_key(name, "siv", epoch))
    associated = [part.encode() for part in fixed["associated"]]
    assert sealer.seal(fixed["plaintext"].encode(), associated).hex() == fixed["sealed"]
