"""What every step does the same way: start, speak, fail, and know where its input came from."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from blake3 import blake3

from howdah.core.json import JsonObject, as_object
from howdah.errors import HowdahError, Invalid

OUT = Path("/pfs/out")


def parser(story: str) -> argparse.ArgumentParser:
    """A parser whose --help tells the step's story, with the output folder that every step has."""
    step = argparse.ArgumentParser(description=story, formatter_class=argparse.RawDescriptionHelpFormatter)
    step.add_argument("--out", type=Path, default=OUT, help="where to write (default: /pfs/out)")
    step.add_argument(BATCH, action="store_true", help="work on datum after datum of a batching worker")
    return step


BATCH = "--batch"


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Runs `main`; an error that we raised on purpose is one sentence and exit code 2.

    With --batch (a pipeline with `datum_batching`) it runs `main` once for each datum of the
    worker, so that a heavy import is paid once; the worker ends the process after the last.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != BATCH]
    if BATCH in sys.argv[1:] and "--help" not in arguments:
        _batch(main, arguments)
        return
    try:
        main(arguments)
    except HowdahError as error:
        say(f"error: {error}")
        raise SystemExit(2) from None


def _batch(main: Callable[[Sequence[str]], None], arguments: Sequence[str]) -> None:
    from howdah.client.pachd import Address, Pachd

    port = os.environ.get("PPS_WORKER_GRPC_PORT")
    if port is None:
        raise SystemExit("error: --batch needs a worker: set datum_batching in the pipeline's transform")
    with Pachd(Address("127.0.0.1", int(port))) as worker:
        failure = ""
        while True:
            answer = worker.call("pachyderm.worker.Worker/NextDatum", error=failure)
            os.environ.update(pair.partition("=")[::2] for pair in answer.env)
            try:
                main(arguments)
                failure = ""
            except HowdahError as error:
                failure = str(error)
                say(f"error: {failure}")


REQUEST = "the folder of the why.json that asks for training like an earlier version"


def like(request: Path | None) -> JsonObject:
    """Family, parameters and seed of the version that a person chose; nothing where nobody did.

    The request stands until the next retraining is asked for, and so do these.
    """
    path = request / "why.json" if request else None
    document = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    found = as_object(document.get("like"))
    if found:
        say(f"training like {found['model']}: {found.get('family')} with {found.get('parameters')}")
    return found


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def files(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, in the order of their paths; Invalid where there is none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if not found:
        raise Invalid(f"{folder} holds no files: there is nothing to work on.")
    yield from found


def name_of(path: Path, folder: Path) -> str:
    """What the files that a step makes of this one are called by, before their endings.

    Its place in `folder`; only `.csv` is left out, so that x.csv, x.csv.gz and x.json stay three.
    """
    return str(path.relative_to(folder)).removesuffix(".csv")


def digest(paths: Iterable[Path]) -> str:
    """A name for exactly these contents, in this order."""
    hasher = blake3()
    for path in paths:
        hasher.update(blake3(path.read_bytes()).digest())
    return str(hasher.hexdigest(length=16))


def commit(folder: Path) -> str:
    """The commit that an input, or a folder in one, was read from, as the worker tells it; "" outside."""
    return _input(folder)[1]


def sources(*inputs: Path) -> dict[str, str]:
    return {name: id for name, id in map(_input, inputs) if id}


def _input(folder: Path) -> tuple[str, str]:
    """The name and the commit of the nearest folder that is an input."""
    for each in (folder, *folder.parents):
        if id := os.environ.get(f"{each.name}_COMMIT"):
            return each.name, id
    return folder.name, ""


def code_hash() -> str:
    """The hash of the image's code snapshot, where the step runs in one."""
    return os.environ.get("HOWDAH_CODE_HASH", "")
