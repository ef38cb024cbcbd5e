"""Which row of a table a name has: names become numbers of 63 bits, and these an open hash table.

Reading order: `prints` (numbers that stand for names), `index` (rows by number).
"""

from streamer.indexing.index import FREE, Index
from streamer.indexing.prints import Texts, extended, fingerprints, joined

__all__ = ["FREE", "Index", "Texts", "extended", "fingerprints", "joined"]
