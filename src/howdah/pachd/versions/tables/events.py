"""The log of changes."""

from howdah.pachd.storage.database import Connection
from howdah.pachd.versions.records import Event


def append_event(connection: Connection, at_ns: int, kind: str, subject: str, set_id: str) -> int:
    """Its `seq`."""
    cursor = connection.execute(
        "INSERT INTO events (at_ns, kind, subject, set_id) VALUES (?, ?, ?, ?)",
        (at_ns, kind, subject, set_id),
    )
    return int(cursor.lastrowid or 0)


def forget_events(connection: Connection, seq: int, most: int) -> None:
    """Up to and including this one, the oldest first, and not more than `most`."""
    connection.execute(
        "DELETE FROM events WHERE seq <= min(?, (SELECT min(seq) FROM events) + ?)", (seq, most - 1)
    )


def events_after(connection: Connection, seq: int, limit: int) -> list[Event]:
    rows = connection.execute(
        "SELECT seq, at_ns, kind, subject, set_id FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        (seq, limit),
    )
    return [Event(*row) for row in rows]


def last_event(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


def first_event(connection: Connection) -> int:
    """The `seq` of the oldest that is kept; 0 if none is."""
    return int(connection.execute("SELECT coalesce(min(seq), 0) FROM events").fetchone()[0])
