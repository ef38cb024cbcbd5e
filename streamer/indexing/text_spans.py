"""Texts where they lie: names in the bytes of the messages that they came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.indexing.prints import joined

__all__ = ["Spans"]


class Spans(NamedTuple):
    """Texts in UTF-8 that lie anywhere in some bytes: k of each of n things.

    ``places`` (n, 2k) are where each text begins, and how many bytes it has.
    """

    content: NDArray[np.uint8]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, *columns: Sequence[str]) -> Spans:
        """Return the texts of k columns of n.

        >>> spans = Spans.of(["a", "b"], ["x", "yz"])
        >>> spans.text(1, 1), spans.texts(0)
        ('yz', ['a', 'b'])
        """
        content, lengths = joined([text for column in columns for text in column])
        places = np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)
        by_row = places.reshape(len(columns), -1, 2).transpose(1, 0, 2)
        return cls(content, by_row.reshape(len(columns[0]), 2 * len(columns)))

    def only(self, rows: NDArray[np.int64]) -> Spans:
        """Return those of some of the things."""
        return Spans(self.content, self.places[rows])

    def followed_by(self, others: Spans) -> Spans:
        """Return these and then the others."""
        behind = others.places.copy()
        behind[:, ::2] += len(self.content)
        content = np.concatenate([self.content, others.content])
        return Spans(content, np.concatenate([self.places, behind]))

    def of_columns(self, first: int, last: int) -> Spans:
        """Return those of some of the k texts, from ``first`` up to ``last``."""
        return Spans(self.content, self.places[:, 2 * first : 2 * last + 2])

    def text(self, i: int, k: int) -> str:
        """Return one text."""
        first, n = self.places[i, 2 * k : 2 * k + 2].tolist()
        return self.content[first : first + n].tobytes().decode()

    def texts(self, k: int) -> list[str]:
        """Return one text of each thing."""
        content, places = self.content.tobytes(), self.places[:, 2 * k : 2 * k + 2].tolist()
        return [content[first : first + n].decode() for first, n in places]
