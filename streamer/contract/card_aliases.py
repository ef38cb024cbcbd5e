"""What stands for a card where nothing can be erased: a name whose key for one card can be destroyed.

A pseudonym is an HMAC under one key: who has the key and the card finds it again, for ever.  The key of
an alias is a tree (Goldreich, Goldwasser and Micali, 1986, "How to construct random functions"): each
node makes its two children, SHA-256 of itself and 0 or 1, and the 64 bits of a card's hash lead from
the root to the card's leaf.  To forget a card is to keep, in place of the root, the 64 nodes that
stand beside its path: every other leaf can be made of them, and this one of none (a puncturable
function; Boneh and Waters, 2013; Green and Miers, 2015).

So nothing is stored of a card that is not forgotten, and an alias is the same in every worker, before
and after a crash, with or without Redis.

A card that was forgotten and pays again has no leaf any more: it has one of a second tree, drawn when
the first was punctured, and so on.

Invariants:
* Forgetting a card changes no other card's alias.
* No node that is left is on the path of a card that was forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from streamer.errors import InvariantError

__all__ = ["ALIAS_PREFIX", "AliasKey", "is_alias"]

ALIAS_PREFIX: Final = "alias-"
_BITS: Final = 64
_NODE_BYTES: Final = 32
_ALIAS_DIGITS: Final = 32
_SALT: Final = b"streamer alias"
# An alert's card mostly alerts again: a wave of ten asks for one alias.
_REMEMBERED: Final = 10_000

Place = tuple[int, int]
"""Of a node: how many steps below the root, and which bits lead there."""
Tree = Mapping[Place, bytes]


def is_alias(text: str | None) -> bool:
    """Whether a card is called so by an alias.

    >>> is_alias("alias-" + 32 * "0"), is_alias("card-1"), is_alias(None)
    (True, False, False)
    """
    return text is not None and text.startswith(ALIAS_PREFIX)


class AliasKey:
    """The key of all aliases: a tree, or what is left of it, and those that came after it."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        self.trees = tuple(trees)
        # Of this key alone, and with no way back to it: who drops the key drops these at once, also
        # where the collector of cycles never looks again (gc.freeze).
        self._made: dict[str, str] = {}

    @classmethod
    def drawn(cls, random: Callable[[int], bytes] = secrets.token_bytes) -> AliasKey:
        """Return a new key; ``random`` gives as many bytes as it is asked for."""
        return cls([{(0, 0): random(_NODE_BYTES)}])

    @property
    def n_nodes(self) -> int:
        """How many nodes it has: 1, and 64 more for each card that was forgotten at most."""
        return sum(map(len, self.trees))

    def without(
        self, card_id: str, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> AliasKey:
        """Return the key that cannot make the alias of a card any more, but another for it."""
        bits = _bits(card_id)
        trees = list(self.trees)
        for i, tree in enumerate(trees):
            at = _above(tree, bits)
            if at is not None:
                trees[i] = _punctured(tree, at, bits)
                break
        if _leaf_in(trees, bits) is None:
            trees.append({(0, 0): random(_NODE_BYTES)})
        return AliasKey(trees)

    def encoded(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(
            [
                [(depth, f"{bits:x}", node.hex()) for (depth, bits), node in sorted(tree.items())]
                for tree in self.trees
            ]
        )

    @classmethod
    def decoded(cls, stored: bytes) -> AliasKey:
        """Return what `encoded` made; InvariantError where it was something else."""
        try:
            trees = msgspec.json.decode(stored, type=list[list[tuple[int, str, str]]])
            found = [
                {(depth, int(bits, 16)): bytes.fromhex(node) for depth, bits, node in tree}
                for tree in trees
            ]
        except (msgspec.MsgspecError, ValueError) as error:
            raise InvariantError(
                f"the key of aliases must be as it was stored, got something else "
                f"({type(error).__name__}); has something else written it?"
            ) from None
        return cls(found)

    def alias(self, card_id: str) -> str:
        """Return what stands for a card; InvariantError where no tree has a leaf for it."""
        made = self._made.get(card_id)
        if made is None:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            made = self._made[card_id] = self._new_alias(card_id)
        return made

    def _new_alias(self, card_id: str) -> str:
        leaf = _leaf_in(self.trees, _bits(card_id))
        if leaf is None:
            raise InvariantError(
                "a key of aliases must have a tree for every card, got none for one"
            )
        digest = hmac.new(leaf, card_id.encode(), hashlib.sha256).hexdigest()
        return ALIAS_PREFIX + digest[:_ALIAS_DIGITS]


def _bits(card_id: str) -> int:
    digest = hashlib.sha256(_SALT + card_id.encode()).digest()
    return int.from_bytes(digest[: _BITS // 8], "big")


def _child(node: bytes, bit: int) -> bytes:
    return hashlib.sha256(node + (b"\1" if bit else b"\0")).digest()


def _bit(bits: int, depth: int) -> int:
    """Return which way leads down from ``depth``."""
    return (bits >> (_BITS - 1 - depth)) & 1


def _above(tree: Tree, bits: int) -> Place | None:
    """Return the node of a tree on the way to a leaf; None where there is none."""
    for depth in range(_BITS + 1):
        place = depth, bits >> (_BITS - depth)
        if place in tree:
            return place
    return None


def _leaf_in(trees: Sequence[Tree], bits: int) -> bytes | None:
    for tree in trees:
        at = _above(tree, bits)
        if at is not None:
            node = tree[at]
            for depth in range(at[0], _BITS):
                node = _child(node, _bit(bits, depth))
            return node
    return None


def _punctured(tree: Tree, at: Place, bits: int) -> Tree:
    """Return a tree without the leaf of ``bits``, which lies below the node ``at``."""
    left = {place: node for place, node in tree.items() if place != at}
    node = tree[at]
    for depth in range(at[0], _BITS):
        bit = _bit(bits, depth)
        beside = (bits >> (_BITS - depth)) << 1 | (1 - bit)
        left[depth + 1, beside] = _child(node, 1 - bit)
        node = _child(node, bit)
    return left
