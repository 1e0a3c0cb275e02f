"""The fast message classes by package, resolved when first used.

`Any` stands here and in the services: the classes exist only at run time, derived from the SDK.
"""

from functools import cached_property
from typing import Any

from howdah.core.messages.catalogue import catalogue


class _Package:
    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _classes(self) -> Any:
        return catalogue().package(self._name)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._classes, name)
        setattr(self, name, value)
        return value


admin: Any = _Package("admin_v2")
auth: Any = _Package("auth_v2")
cdr: Any = _Package("cdr")
debug: Any = _Package("debug_v2")
google: Any = _Package("google.protobuf")
logs: Any = _Package("logs")
metadata: Any = _Package("metadata")
pfs: Any = _Package("pfs_v2")
pps: Any = _Package("pps_v2")
storage: Any = _Package("storage")
taskapi: Any = _Package("taskapi")
transaction: Any = _Package("transaction_v2")
version: Any = _Package("versionpb_v2")
