"""The chunks that came last: noted in the order in which they came, and entered by hash many at a time.

Hashes are random, so entering a chunk by its hash rewrites a page of the index; a commit of a hundred
files is some three hundred chunks, and in an index of a million three hundred pages. A note is one row
for all of them. What is noted is kept in memory too, where it is looked up, until there is enough for
entering it to touch each page for several chunks at once; that is done in the background, in steps
short enough for other changes to come between.

A chunk that is noted and entered in two places lies where the note says. So gc, which removes what is
entered, first has everything entered (`enter_all`): then no note speaks of a pack that it considers.
"""

import threading
from collections.abc import Sequence
from functools import partial

from howdah.core.failpoints import Failpoint
from howdah.pachd.storage import tables
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.database import Connection, Database
from howdah.pachd.storage.tables import Location, Row

MOST_NOTED = 2048
"""More chunks than this at a time are worth entering at once."""

_ENOUGH = 1 << 15
_TOO_MANY = 1 << 16
_AT_ONCE = 2048

ENTERED = Failpoint("packs.entered")


class Recent:
    """Notes are added by one thread at a time; all else is safe from any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entering = threading.Lock()
        with database.read() as connection:
            self._last, self._places = tables.noted(connection)

    @property
    def is_enough(self) -> bool:
        return len(self._places) > _ENOUGH

    @property
    def is_too_much(self) -> bool:
        return len(self._places) > _TOO_MANY

    def find(self, hashes: Sequence[Hash]) -> dict[Hash, Location]:
        places = self._places
        return {hash: place for hash in hashes if (place := places.get(hash))}

    def note(self, connection: Connection, pack: int, rows: Sequence[Row]) -> int:
        """Inside a transaction; `noted` is to be told of it once that is durable."""
        return tables.note(connection, pack, rows)

    def noted(self, rows: Sequence[Row], id: int) -> None:
        self._places.update(rows)
        self._last = max(self._last, id)

    def enter_all(self) -> None:
        """When it returns, all that was noted before the call is entered."""
        with self._entering:
            last = self._last
            # In the order of their hashes: each step is a stretch of the index.
            rows = sorted(self._places.copy().items())
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                self._database.write(partial(tables.enter, rows=some))
            ENTERED.hit()
            if last:
                self._database.write(partial(tables.drop_notes, last=last))
            for hash, place in rows:
                if self._places.get(hash) is place:
                    del self._places[hash]
