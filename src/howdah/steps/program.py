"""What every step does the same way: start, speak, fail, and know where its input came from."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from blake3 import blake3

from howdah.errors import HowdahError, Invalid

OUT = Path("/pfs/out")


def parser(story: str) -> argparse.ArgumentParser:
    """A parser whose --help tells the step's story, with the output folder that every step has."""
    step = argparse.ArgumentParser(description=story, formatter_class=argparse.RawDescriptionHelpFormatter)
    step.add_argument("--out", type=Path, default=OUT, help="where to write (default: /pfs/out)")
    return step


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Runs `main`; an error that we raised on purpose is one sentence and exit code 2."""
    try:
        main(sys.argv[1:])
    except HowdahError as error:
        say(f"error: {error}")
        raise SystemExit(2) from None


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def files(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, in the order of their paths; Invalid where there is none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if not found:
        raise Invalid(f"{folder} holds no files: there is nothing to work on.")
    yield from found


def digest(paths: Iterable[Path]) -> str:
    """A name for exactly these contents, in this order."""
    hasher = blake3()
    for path in paths:
        hasher.update(blake3(path.read_bytes()).digest())
    return str(hasher.hexdigest(length=16))


def commit(folder: Path) -> str:
    """The commit that an input was read from, as the worker tells it; empty outside a pipeline."""
    return os.environ.get(f"{folder.name}_COMMIT", "")


def sources(*inputs: Path) -> dict[str, str]:
    return {folder.name: commit(folder) for folder in inputs if commit(folder)}


def code_hash() -> str:
    """The hash of the image's code snapshot, where the step runs in one."""
    return os.environ.get("HOWDAH_CODE_HASH", "")
