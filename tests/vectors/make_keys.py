"""Makes keys.json: a key ring of version 1 and what each of its keys must give.

Nothing of ``cdp`` is imported. HMAC, HKDF and the tag are written out over the standard
library; AES and Ed25519 come from ``cryptography``. Every input is a hash of its name,
so the script always makes the same file: ``python tests/vectors/make_keys.py``.

Source: RFC 2104, RFC 5869, RFC 3394, NIST SP 800-38D, RFC 5297, RFC 8032; the form of
the ring's file in docs/decisions/0004-one-ring-file.md.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

DOMAIN = "segmentation/crm"
EPOCH = 230
DESTROYED = {"kind": "seal", "name": "payload.202601", "epoch": 1}


def made_up(name: str, length: int = 32) -> bytes:
    return hashlib.sha256(f"cdp vector {name}".encode()).digest()[:length]


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    extracted = hmac_sha256(salt or bytes(32), secret)
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac_sha256(extracted, block + info + bytes([counter]))
        out += block
    return out[:length]


def aes_blocks(key: bytes, blocks: bytes) -> bytes:
    # One block at a time, against the column in one call that is tested.
    out = b""
    for start in range(0, len(blocks), 16):
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - single blocks
        out += cipher.encryptor().update(blocks[start : start + 16])
    return out


ADDRESSES = [
    ("namespace", "email", 1),
    ("namespace", "email", 2),
    ("seal", "payload.202611", 1),
    ("mac", "auth.token", 1),
    ("sign", "log", 1),
    ("domain", DOMAIN, EPOCH),
    ("wrap", "data-keys", 1),
]


def secret_of(kind: str, name: str, epoch: int) -> bytes:
    return made_up(f"{kind} {name} {epoch}")


def ring_file() -> dict[str, object]:
    ring, root = made_up("ring", 16).hex(), made_up("root")
    check = hashlib.sha256(f"cdp.key-ring.check|{ring}".encode()).digest()
    contents: dict[str, object] = {
        "format": "cdp.key-ring",
        "version": 1,
        "ring": ring,
        "created_at": "2026-11-25T12:00:00+00:00",
        "root": "",
        "check": b64(aes_key_wrap(root, check)),
        "secrets": [
            {
                "address": {"kind": kind, "name": name, "epoch": epoch},
                "wrapped": b64(aes_key_wrap(root, secret_of(kind, name, epoch))),
            }
            for kind, name, epoch in ADDRESSES
        ],
        "destroyed": [DESTROYED],
        "tag": "",
    }
    compact = json.dumps(contents, separators=(",", ":")).encode()
    tag = hmac_sha256(hkdf(root, b"", b"cdp/ring/v1|tag", 32), compact)
    return {**contents, "root": b64(root), "tag": b64(tag)}


def vectors() -> dict[str, object]:
    text, associated = b"ciphertext that proves itself", b"record 7"
    nonce, ids = (
        made_up("nonce", 12),
        b"".join(made_up(f"id {n}", 16) for n in range(3)),
    )
    domain_secret = secret_of("domain", DOMAIN, EPOCH)
    salt = DOMAIN.encode()
    prp = hkdf(domain_secret, salt, f"cdp/psn/v1|prp|{EPOCH}".encode(), 32)
    siv = hkdf(domain_secret, salt, f"cdp/psn/v1|siv|{EPOCH}".encode(), 64)
    sealing = AESGCM(secret_of("seal", "payload.202611", 1))
    signing = Ed25519PrivateKey.from_private_bytes(secret_of("sign", "log", 1))
    address = b"kim@example.com"
    data_key = made_up("data key")
    return {
        "description": "a key ring of version 1 and what its keys give",
        "made_with": "tests/vectors/make_keys.py",
        "ring_file": ring_file(),
        "digest": [
            {
                "namespace": "email",
                "epoch": epoch,
                "normalized": address.decode(),
                "digest": hmac_sha256(
                    secret_of("namespace", "email", epoch), address
                ).hex(),
            }
            for epoch in (1, 2)
        ],
        "mac": {
            "label": "auth.token",
            "data": address.decode(),
            "mac": hmac_sha256(secret_of("mac", "auth.token", 1), address).hex(),
        },
        "sealed": {
            "label": "payload.202611",
            "associated": associated.decode(),
            "plaintext": text.decode(),
            "sealed": (
                b"\x01" + nonce + sealing.encrypt(nonce, text, associated)
            ).hex(),
        },
        "signature": {
            "name": "log",
            "message": text.decode(),
            "public": signing.public_key().public_bytes_raw().hex(),
            "signature": signing.sign(text).hex(),
        },
        "wrapped": {
            "name": "data-keys",
            "key": data_key.hex(),
            "wrapped": aes_key_wrap(secret_of("wrap", "data-keys", 1), data_key).hex(),
        },
        "domain": {
            "purpose": "segmentation",
            "recipient": "crm",
            "epoch": EPOCH,
            "prp": prp.hex(),
            "siv": siv.hex(),
            "ids": ids.hex(),
            "pseudonyms": "".join(
                f"{EPOCH % 256:02x}" + aes_blocks(prp, ids)[n : n + 16].hex()
                for n in range(0, len(ids), 16)
            ),
            "deterministic": {
                "plaintext": text.decode(),
                "associated": [DOMAIN, "city"],
                "sealed": AESSIV(siv).encrypt(text, [salt, b"city"]).hex(),
            },
        },
    }


if __name__ == "__main__":
    target = Path(__file__).with_name("keys.json")
    target.write_text(json.dumps(vectors(), indent=1) + "\n")
