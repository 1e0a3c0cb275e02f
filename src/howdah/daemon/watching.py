"""The loop that closes itself, beside the engines: it reaches them only over the wire."""

from howdah.client.files import Files
from howdah.core import logs
from howdah.monitoring.run import Monitor

_log = logs.get("monitoring")


class Watching:
    def __init__(self, pachd: str, token: str) -> None:
        self._monitor = Monitor(Files.at(pachd, token), lambda case, said: _log.info(said, case=case))

    def start(self) -> None:
        self._monitor.start()

    def close(self) -> None:
        self._monitor.stop()
