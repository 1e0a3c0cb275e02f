"""`pps_v2.API`, secrets."""

from typing import Any

from howdah.pachd.pipelines import secrets
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.wire import convert, pps_convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pps


class SecretCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine) -> None:
        self._versions = engine.versions

    def create_secret(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: secrets.create(tx, request.file))
        return convert.empty()

    def delete_secret(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: secrets.delete(tx, request.secret.name))
        return convert.empty()

    def inspect_secret(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            return pps_convert.secret_info(secrets.read(view.connection, request.secret.name).info)

    def list_secret(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            infos = secrets.listed(view.connection)
        return pps.SecretInfos(secret_info=map(pps_convert.secret_info, infos))
