"""What pipelines need of files in commits, and where results are written."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from howdah.core.refs import CommitRef
from howdah.pachd.pipelines.base import Metas
from howdah.pachd.pipelines.changed import Differences
from howdah.pachd.pipelines.datums import Files
from howdah.pachd.pipelines.refs import DatumId
from howdah.pachd.pipelines.workers.task import InputData
from howdah.pachd.storage.content import Content
from howdah.pachd.versions import Transaction


class Writing(Protocol):
    """Files on their way into an open commit. Nothing is visible before `attach`. One thread."""

    def put(self, path: str, pieces: Iterable[bytes], datum: str = "") -> Content: ...

    def put_content(self, path: str, content: Content, datum: str = "") -> None: ...

    def delete_file(self, path: str, datum: str = "") -> None: ...

    def delete_folder(self, path: str) -> None: ...

    def seal(self) -> None:
        """When it returns, everything written is on disk."""
        ...

    def attach(self, tx: Transaction, commit: CommitRef) -> None:
        """Make it part of the commit."""
        ...

    def close(self) -> None: ...


class CommitFiles(Files, Differences, Metas, InputData, Protocol):
    """Reading. Thread-safe."""

    def written_by(self, commit: CommitRef, datum: DatumId) -> Iterator[str]:
        """The paths that a datum wrote, of what the commit holds."""
        ...

    def writing(self) -> Writing: ...
