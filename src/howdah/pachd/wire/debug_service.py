"""`debug_v2.Debug`: what someone who looks for a fault wants from a running daemon."""

import gzip
import io
import json
import platform
import sys
import tarfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from howdah.errors import Invalid
from howdah.pachd.versions import Versions
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.cluster_services import PACHYDERM
from howdah.pachd.wire.contract import debug
from howdah.pachd.wire.encoding import bytes_value

_MESSAGE_BYTES = 1 << 20
_SAMPLE_S = 0.005
_LONGEST_PROFILE_S = 300.0
_EVENTS = 1000

Collect = Callable[[], str]


class DebugService:
    """`logs` are files whose ends belong into a dump."""

    service = "debug_v2.Debug"

    def __init__(self, versions: Versions, logs: Callable[[], list[Path]]) -> None:
        self._versions = versions
        self._logs = logs

    def dump(self, request: Any, call: Call) -> Iterator[bytes]:
        """The older call: the tar alone."""
        for chunk in self.dump_v2(request, call):
            if chunk.HasField("content"):
                yield bytes_value([chunk.content.content])

    def get_dump_v2_template(self, request: Any, call: Call) -> Any:
        """What a dump can be asked to hold. All of it is small here, so a dump always holds all."""
        system = debug.System(version=True, database=True)
        return debug.GetDumpV2TemplateResponse(request=debug.DumpV2Request(system=system))

    def dump_v2(self, request: Any, call: Call) -> Iterator[Any]:
        """Progress while it is gathered, then a gzipped tar, piece by piece."""
        parts = self._parts()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for number, (name, collect) in enumerate(parts.items(), 1):
                _add(archive, f"howdah/{name}", collect().encode())
                progress = debug.DumpProgress(task=name, total=len(parts), progress=number)
                yield debug.DumpChunk(progress=progress)
        data = packed.getvalue()
        for start in range(0, len(data), _MESSAGE_BYTES):
            content = debug.DumpContent(content=data[start : start + _MESSAGE_BYTES])
            yield debug.DumpChunk(content=content)

    def profile(self, request: Any, call: Call) -> Iterator[bytes]:
        """Collapsed stacks, gzipped: `cpu` samples every thread for the duration, others look once."""
        name = request.profile.name or "cpu"
        duration_s = request.profile.duration.ToNanoseconds() / 1e9 or 1.0
        if name not in ("cpu", "goroutine", "threadcreate"):
            raise Invalid(f"there is no profile {name!r} of this server; ask for cpu or goroutine")
        if duration_s > _LONGEST_PROFILE_S:
            raise Invalid(f"a profile may take {_LONGEST_PROFILE_S:.0f} seconds")
        with call.waiting():
            stacks = _sampled(duration_s if name == "cpu" else 0.0, call)
        text = "".join(f"{stack} {count}\n" for stack, count in stacks.most_common())
        data = gzip.compress(text.encode())
        yield bytes_value([data])

    def binary(self, request: Any, call: Call) -> Iterator[bytes]:
        """The program that is running: its modules and the versions of what they stand on."""
        packed = io.BytesIO()
        root = Path(__file__).parents[2]
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            _add(archive, "howdah/versions.txt", _installed().encode())
            for path in sorted(root.rglob("*.py")):
                archive.add(path, f"howdah/{path.relative_to(root)}", recursive=False)
        data = packed.getvalue()
        for start in range(0, len(data), _MESSAGE_BYTES):
            piece = data[start : start + _MESSAGE_BYTES]
            yield bytes_value([piece])

    def _parts(self) -> Mapping[str, Collect]:
        parts: dict[str, Collect] = {
            "version.json": _version,
            "versions.txt": _installed,
            "threads.txt": _threads,
            "repos.json": self._repos,
            "events.jsonl": self._events,
        }
        for path in self._logs():
            parts[f"logs/{path.name}"] = lambda path=path: _tail(path)  # type: ignore[misc]
        return parts

    def _repos(self) -> str:
        with self._versions.view() as view:
            repos = view.repos()
        return json.dumps({str(repo.ref): repo.size_bytes for repo in repos}, indent=1)

    def _events(self) -> str:
        with self._versions.view() as view:
            events = view.events(max(0, view.last_event() - _EVENTS))
        return "".join(
            json.dumps([event.seq, event.at_ns, event.kind, event.subject, event.set_id]) + "\n"
            for event in events
        )


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _version() -> str:
    return json.dumps(
        {
            "pachyderm": ".".join(map(str, PACHYDERM)),
            "python": sys.version,
            "platform": platform.platform(),
            "threads": threading.active_count(),
        },
        indent=1,
    )


def _installed() -> str:
    found = sorted({f"{each.name} {each.version}" for each in metadata.distributions()}, key=str.lower)
    return "\n".join(found) + "\n"


def _threads() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    texts = []
    for ident, frame in sys._current_frames().items():
        texts.append(f"{names.get(ident, ident)}\n{''.join(traceback.format_stack(frame))}")
    return "\n".join(texts)


def _tail(path: Path, most_bytes: int = 1 << 20) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - most_bytes))
        return file.read().decode(errors="replace")


def _sampled(duration_s: float, call: Call) -> Counter[str]:
    stacks: Counter[str] = Counter()
    own = threading.get_ident()
    end = time.monotonic() + duration_s
    while True:
        for ident, frame in sys._current_frames().items():
            if ident != own:
                stacks[_collapsed(frame)] += 1
        if time.monotonic() >= end:
            return stacks
        call.check()
        time.sleep(_SAMPLE_S)


def _collapsed(frame: Any) -> str:
    names = []
    while frame is not None:
        names.append(f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_name}")
        frame = frame.f_back
    return ";".join(reversed(names))
