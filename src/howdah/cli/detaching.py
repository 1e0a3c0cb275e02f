"""Starting the daemon in a session of its own, and returning when it answers."""

import os
import subprocess
import sys
from pathlib import Path

from howdah.core import state_folder
from howdah.daemon import access, ports
from howdah.daemon.options import Options
from howdah.errors import Unavailable


def start_detached(options: Options, context: bool) -> str:
    """What the daemon said when it was ready. Unavailable, with its last words, when it died instead."""
    access.decide(options)
    ports.probe(options)
    folder = state_folder.prepare(options.state) / "logs"
    folder.mkdir(exist_ok=True)
    log = folder / "daemon.log"
    read, write = os.pipe()
    with log.open("ab") as sink:
        begin = sink.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "howdah", *_arguments(options, context), "--ready-fd", str(write)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            pass_fds=[write],
            start_new_session=True,
        )
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()  # ends when the daemon closes its side: ready, or dead
    if not text:
        child.wait()
        raise Unavailable("Howdah did not start", why=_words(log, begin), remedy=f"Its log is {log}.")
    return text


def _arguments(options: Options, context: bool) -> list[str]:
    given = {
        "state": options.state,
        "host": options.host,
        "pachd-port": options.pachd_port,
        "s3-port": options.s3_port,
        "http-port": options.http_port,
        "ingress-port": options.ingress_port,
        "tls-cert": options.tls_cert,
        "tls-key": options.tls_key,
    }
    arguments = ["up", *(f"--{name}={value}" for name, value in given.items() if value is not None)]
    return arguments + ["--new-token"] * options.new_token + ["--context"] * context


def _words(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").strip().splitlines()
    said = [line for line in lines if "howdah up --help" not in line]  # which the reader has just typed
    return " ".join(line.removeprefix("Error:").strip() for line in said[-3:])
