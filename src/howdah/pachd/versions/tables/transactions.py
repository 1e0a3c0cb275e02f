"""Transactions that clients are still putting together."""

from howdah.pachd.storage.database import Connection


def insert_transaction(connection: Connection, id: str, now_ns: int) -> None:
    connection.execute("INSERT INTO transactions VALUES (?, ?)", (id, now_ns))


def transaction_ids(connection: Connection) -> list[tuple[str, int]]:
    return list(connection.execute("SELECT id, started_ns FROM transactions ORDER BY started_ns, id"))


def transaction_requests(connection: Connection, id: str) -> list[bytes]:
    rows = connection.execute(
        "SELECT request FROM transaction_requests WHERE transaction_id = ? ORDER BY id", (id,)
    )
    return [bytes(request) for (request,) in rows]


def append_request(connection: Connection, id: str, request: bytes) -> None:
    connection.execute(
        "INSERT INTO transaction_requests (transaction_id, request) VALUES (?, ?)", (id, request)
    )


def delete_transaction(connection: Connection, id: str) -> int:
    connection.execute("DELETE FROM transaction_requests WHERE transaction_id = ?", (id,))
    return connection.execute("DELETE FROM transactions WHERE id = ?", (id,)).rowcount
