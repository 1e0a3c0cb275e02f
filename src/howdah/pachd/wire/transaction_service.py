"""`transaction_v2.API`."""

from typing import Any

from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import transaction
from howdah.pachd.wire.convert import empty
from howdah.pachd.wire.transactor import Transactor


class TransactionService:
    service = "transaction_v2.API"

    def __init__(self, versions: Versions, transactor: Transactor) -> None:
        self._versions = versions
        self._transactor = transactor

    def start_transaction(self, request: Any, call: Call) -> Any:
        return self._transactor.start()

    def inspect_transaction(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            return self._transactor.info(view.stored_transaction(request.transaction.id))

    def list_transaction(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            stored = view.stored_transactions()
        infos = [self._transactor.info(each) for each in stored]
        return transaction.TransactionInfos(transaction_info=infos)

    def delete_transaction(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: tx.delete_stored_transaction(request.transaction.id))
        return empty()

    def finish_transaction(self, request: Any, call: Call) -> Any:
        return self._transactor.finish(request.transaction.id)

    def batch_transaction(self, request: Any, call: Call) -> Any:
        return self._transactor.batch(list(request.requests))

    def delete_all(self, request: Any, call: Call) -> Any:
        def change(tx: Transaction) -> None:
            for stored in tx.view.stored_transactions():
                tx.delete_stored_transaction(stored.id)

        self._versions.transact(change)
        return empty()
