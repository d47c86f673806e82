"""The tree: hashes, its right edge, and the two proofs.

- A leaf is ``H(00 || entry)``, a node ``H(01 || left || right)``, the empty root
  ``H("")``; H is SHA-256. A tree splits at the largest power of two below its size.
- Every hash that comes from outside is checked to be 32 bytes: a verifier that forgets
  it can be made to hash another split of the same bytes.
- An ``Edge`` is all that an appender must remember: the roots of the complete subtrees,
  the largest first, one for each set bit of the size.

Refuses: consistency from size 0, which proves nothing; callers handle it themselves.

Source: RFC 6962 and RFC 9162 sections 2.1 to 2.1.4.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from cdp.audit.errors import BadProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

# (level, index) -> root of the complete subtree of 2**level leaves with that number.
Nodes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash by which the tree knows ``entry``."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two neighbouring subtrees of the same height."""
    return sha256(b"\x01" + left + right).digest()


class Edge(msgspec.Struct, frozen=True):
    """The right edge of a tree of ``size`` leaves: it suffices to append."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extend(self, leaves: Iterable[bytes]) -> "Edge":
        """Return the edge after these leaf hashes."""
        stack = list(self.hashes)
        size = self.size
        for leaf in leaves:
            node = leaf
            carry = size
            while carry & 1:
                # node_hash written out: this line runs once for every record.
                node = sha256(b"\x01" + stack.pop() + node).digest()
                carry >>= 1
            stack.append(node)
            size += 1
        return Edge(size, tuple(stack))

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        return fold(self.hashes)

    def to_bytes(self) -> bytes:
        """Return the hashes one after the other, the largest subtree first."""
        return b"".join(self.hashes)

    @staticmethod
    def from_bytes(size: int, raw: bytes) -> "Edge":
        """Decode ``to_bytes``.

        Raises:
            BadProofError: the number of bytes does not fit the size.
        """
        if size < 0 or len(raw) != HASH_BYTES * size.bit_count():
            raise BadProofError(f"an edge of size {size} has another length")
        return Edge(size, split_hashes(raw))


def fold(hashes: Sequence[bytes]) -> bytes:
    """Join subtree roots, the largest first, into the root above them all."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def split_hashes(raw: bytes) -> tuple[bytes, ...]:
    """Cut a row of 32-byte hashes into its hashes."""
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    return Edge().extend(leaves).root()


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Return the path of leaf ``index`` in the tree of ``size``, lowest hash first.

    Raises:
        ValueError: the index is not in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_range_root(middle, end, nodes))
            end = middle
        else:
            path.append(_range_root(first, middle, nodes))
            first = middle
    path.reverse()
    return path


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Return the proof that the tree of ``new`` leaves begins with that of ``old``.

    Raises:
        ValueError: not ``0 < old <= new``.
    """
    if not 0 < old <= new:
        raise ValueError(f"no proof leads from size {old} to {new}")
    path: list[bytes] = []
    first, end = 0, new
    while old < end:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(_range_root(middle, end, nodes))
            end = middle
        else:
            path.append(_range_root(first, middle, nodes))
            first = middle
    if first:  # else the old tree is a complete subtree, whose root the verifier has
        path.append(_range_root(first, end, nodes))
    path.reverse()
    return path


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` stands at ``index`` in the tree of ``size`` and ``root``.

    Raises:
        BadProofError: it does not, or a hash is not 32 bytes long.
    """
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise BadProofError(f"leaf {index} is not in a tree of {size}")
    number, last = index, size - 1
    computed = leaf
    for neighbour in proof:
        if last == 0:
            raise BadProofError("the inclusion proof is too long")
        if number & 1 or number == last:
            computed = node_hash(neighbour, computed)
            while number & 1 == 0 and number != 0:
                number >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, neighbour)
        number >>= 1
        last >>= 1
    if last != 0 or computed != root:
        raise BadProofError("the inclusion proof does not lead to the root")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``new`` leaves begins with exactly that of ``old``.

    Raises:
        BadProofError: it does not, ``old`` is 0 or beyond ``new``, or a hash is not 32
            bytes long.
    """
    _check_hashes(old_root, new_root, *proof)
    if not 0 < old <= new:
        raise BadProofError(f"no proof leads from size {old} to {new}")
    if old == new:
        if proof or old_root != new_root:
            raise BadProofError("equal sizes need equal roots and an empty proof")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise BadProofError("the consistency proof is empty")
    number, last = old - 1, new - 1
    while number & 1:
        number >>= 1
        last >>= 1
    old_computed = new_computed = path[0]
    for neighbour in path[1:]:
        if last == 0:
            raise BadProofError("the consistency proof is too long")
        if number & 1 or number == last:
            old_computed = node_hash(neighbour, old_computed)
            new_computed = node_hash(neighbour, new_computed)
            while number & 1 == 0 and number != 0:
                number >>= 1
                last >>= 1
        else:
            new_computed = node_hash(new_computed, neighbour)
        number >>= 1
        last >>= 1
    if last != 0 or old_computed != old_root or new_computed != new_root:
        raise BadProofError("the consistency proof does not lead to both roots")


def _split(width: int) -> int:
    """Return the largest power of two below ``width`` (which is 2 or more)."""
    return 1 << ((width - 1).bit_length() - 1)


def _range_root(first: int, end: int, nodes: Nodes) -> bytes:
    width = end - first
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return nodes(level, first >> level)
    middle = first + _split(width)
    return node_hash(_range_root(first, middle, nodes), _range_root(middle, end, nodes))


def _check_hashes(*hashes: bytes) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise BadProofError(f"a hash has {len(value)} bytes, not {HASH_BYTES}")
