"""What feeds lazy files, by itself."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from howdah.pachd.pipelines.datums import InputFile
from howdah.pachd.pipelines.workers.lazy import Feeder
from howdah.pachd.storage.content import Content, Hash


class Large:
    """More than a pipe holds."""

    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        return iter(())

    def read(self, content: Content) -> Iterator[bytes]:
        yield b"x" * content.size


def test_a_file_that_is_held_open_and_not_read_keeps_nobody(tmp_path: Path) -> None:
    """Batched code may go on to its next datum so."""
    fifo = tmp_path / "lazy"
    os.mkfifo(fifo)
    feeder = Feeder({fifo: Content(1 << 20, Hash(b"h" * 32), b"")}, Large())
    reader = os.open(fifo, os.O_RDONLY)
    assert os.read(reader, 10) == b"x" * 10
    closing = threading.Thread(target=feeder.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    os.close(reader)
