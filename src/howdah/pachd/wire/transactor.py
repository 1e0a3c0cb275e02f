"""Running the operations that a client may gather into one transaction.

Each such operation is registered under the name of its field in `TransactionRequest`. Called plainly
it runs at once. Called with the `pach-transaction` header it is appended to the stored transaction,
after a rehearsal of all of it, so that a mistake is refused where it is made and the answer (the id
of a commit, say) is the one that finishing will give: the transaction's id is the commit set's.
"""

from collections.abc import Callable
from typing import Any

from howdah.core.refs import CommitId, new_commit_id
from howdah.errors import Invalid
from howdah.pachd.versions import StoredTransaction, Transaction, Versions
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import transaction
from howdah.pachd.wire.convert import timestamp

Apply = Callable[[Transaction, Any], Any]
"""Does one operation inside a transaction; the value is the RPC's response."""


class Transactor:
    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._operations: dict[str, Apply] = {}

    def register(self, field: str, apply: Apply) -> None:
        """`field` of TransactionRequest, e.g. `create_pipeline_v2`."""
        self._operations[field] = apply

    def run(self, field: str, request: Any, call: Call) -> Any:
        apply = self._operations[field]
        if not call.transaction:
            return self._versions.transact(lambda tx: apply(tx, request))
        return self._append(call.transaction, transaction.TransactionRequest(**{field: request}))

    def _append(self, id: str, request: Any) -> Any:
        with self._versions.view() as view:
            stored = view.stored_transaction(id)
        requests = [*_requests(stored), request]
        responses = self._versions.transact(
            lambda tx: self._replay(tx, requests), id=CommitId(id), dry_run=True
        )
        data = request.SerializeToString()
        self._versions.transact(lambda tx: tx.append_to_stored_transaction(id, data))
        return responses[-1]

    def _replay(self, tx: Transaction, requests: list[Any]) -> list[Any]:
        return [self._one(tx, request) for request in requests]

    def _one(self, tx: Transaction, request: Any) -> Any:
        fields = [field.name for field, _ in request.ListFields()]
        if len(fields) != 1:
            raise Invalid(f"a transaction request must hold exactly one operation, not {len(fields)}")
        if fields[0] not in self._operations:
            raise Invalid(f"{fields[0]} cannot be part of a transaction here")
        return self._operations[fields[0]](tx, getattr(request, fields[0]))

    # -- the life of a transaction

    def start(self) -> Any:
        id = new_commit_id()
        self._versions.transact(lambda tx: tx.store_transaction(id))
        with self._versions.view() as view:
            return self.info(view.stored_transaction(id)).transaction

    def finish(self, id: str) -> Any:
        """Replay it for good; when that fails the stored transaction stays as it is."""
        with self._versions.view() as view:
            stored = view.stored_transaction(id)
        requests = _requests(stored)

        def change(tx: Transaction) -> list[Any]:
            tx.delete_stored_transaction(id)
            return self._replay(tx, requests)

        responses = self._versions.transact(change, id=CommitId(id))
        return self._told(self.info(stored), responses)

    def batch(self, requests: list[Any]) -> Any:
        id = new_commit_id()
        responses = self._versions.transact(lambda tx: self._replay(tx, requests), id=id)
        stored = StoredTransaction(
            id, self._versions.clock.now_ns(), tuple(request.SerializeToString() for request in requests)
        )
        return self._told(self.info(stored), responses)

    def info(self, stored: StoredTransaction) -> Any:
        return transaction.TransactionInfo(
            transaction=transaction.Transaction(id=stored.id),
            requests=_requests(stored),
            started=timestamp(stored.started_ns),
            version=len(stored.requests),
        )

    def _told(self, info: Any, responses: list[Any]) -> Any:
        for response in responses:
            told = info.responses.add()
            if response.DESCRIPTOR.full_name == "pfs_v2.Commit":
                told.commit.CopyFrom(response)
        return info


def _requests(stored: StoredTransaction) -> list[Any]:
    return [transaction.TransactionRequest.FromString(data) for data in stored.requests]
