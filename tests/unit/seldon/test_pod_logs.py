"""A pod's log is followed across its rotation."""

import asyncio
from pathlib import Path

from howdah.processes.logfiles import rotate
from howdah.seldon.kube.logs import log_stream


def test_a_rotated_log_is_followed_on(tmp_path: Path):
    path = tmp_path / "pod.log"
    path.write_bytes(b"a long line that was there before\n")

    async def follow() -> list[bytes]:
        lines = log_stream(lambda *_: path, "ns", "pod", None, True, False)
        first = await anext(lines)
        assert rotate(path, 10)
        with path.open("ab") as file:
            file.write(b"after\n")
        second = await anext(lines)
        await lines.aclose()
        return [first, second]

    assert asyncio.run(follow()) == [b"a long line that was there before\n", b"after\n"]
