"""What processes need before they can start, brought here in the background: models, environments.

Each is asked for once. What could not be had says why and is forgotten after a pause, so that
the plan asks again.
"""

from collections.abc import Callable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from howdah.core import logs
from howdah.core.clock import Clock
from howdah.errors import HowdahError
from howdah.processes.environments import Environment
from howdah.seldon.fetch import ModelStore, Variables
from howdah.seldon.workload import Member, ModelSource

RETRY_S = 5.0
_log = logs.get("seldon.provisions")


class Prepares(Protocol):
    """`processes.environments.Environments` is one."""

    def prepare_kept(self, image: str, progress: Callable[[str], None]) -> Environment: ...


@dataclass(slots=True)
class _Coming[T]:
    value: T | None = None
    reason: str = ""
    retry_at_s: float = 0.0
    busy: bool = True


class Provisions:
    def __init__(
        self,
        models: ModelStore,
        environments: Prepares,
        variables: Callable[[str, str], Variables],
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        """`variables` gives what a namespace's secret holds."""
        self._models, self._environments, self._variables = models, environments, variables
        self._clock, self._wake = clock, wake
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="provisions")
        self._folders: dict[ModelSource, _Coming[Path]] = {}
        self._prepared: dict[str, _Coming[Environment]] = {}

    def close(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    def fetch(self, source: ModelSource, namespace: str) -> None:
        if source not in self._folders:
            coming = self._folders[source] = _Coming()

            def bring() -> Path:
                return self._models.provide(source, self._variables(namespace, source.secret))

            self._workers.submit(self._bring, coming, f"modelUri {source.uri}", bring)

    def verify(self, source: ModelSource) -> None:
        """Look at it again before another process reads it."""
        coming = self._folders.get(source)
        if coming is not None and coming.value is not None:
            del self._folders[source]

    def keep(self, sources: Set[ModelSource]) -> None:
        """Forget the models of all other sources: whoever asks again has them as they are then."""
        for source in self._folders.keys() - sources:
            if not self._folders[source].busy:
                del self._folders[source]
        self._models.keep(sources)

    def prepare(self, image: str) -> None:
        if image not in self._prepared:
            coming = self._prepared[image] = _Coming()

            def make() -> Environment:
                return self._environments.prepare_kept(image, lambda said: _log.info(said, image=image))

            self._workers.submit(self._bring, coming, f"image {image}", make)

    def models(self) -> Mapping[ModelSource, bool]:
        """Whether each that was asked for is here."""
        return {source: found is not None for source, found in self._known(self._folders).items()}

    def environments(self) -> Mapping[str, bool]:
        return {image: found is not None for image, found in self._known(self._prepared).items()}

    def of(self, member: Member) -> tuple[Path | None, Environment | None]:
        """The model and the environment that it was waiting for."""
        folder = self._folders.get(member.model) if member.model is not None else None
        prepared = self._prepared.get(member.environment)
        return folder.value if folder else None, prepared.value if prepared else None

    def reason(self, member: Member) -> str:
        """Why something that it needs is not here; empty while it may yet come."""
        folder = self._folders.get(member.model) if member.model is not None else None
        prepared = self._prepared.get(member.environment)
        return (folder.reason if folder else "") or (prepared.reason if prepared else "")

    def _known[K, T](self, kept: dict[K, _Coming[T]]) -> dict[K, T | None]:
        now = self._clock.monotonic_s()
        for key, coming in list(kept.items()):
            if not coming.busy and coming.value is None and coming.retry_at_s <= now:
                del kept[key]
        return {key: coming.value for key, coming in kept.items()}

    def _bring[T](self, coming: _Coming[T], what: str, bring: Callable[[], T]) -> None:
        try:
            coming.value = bring()
        except HowdahError as error:
            coming.reason = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the deployment says so and does not wait for ever
            _log.exception("could not be had", what=what)
            coming.reason = f"{what} cannot be had: {type(error).__name__}: {error}"
        coming.retry_at_s = self._clock.monotonic_s() + RETRY_S
        coming.busy = False
        self._wake()
