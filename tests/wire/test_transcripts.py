"""Whole sessions on the command line, held against what they said when last looked at.

pachctl's run against the daemon that the other tests use; those named `alone-…` against one that holds
nothing else; those named `howdah-…` start their own.

A transcript is commands and their outcome: stdout as it is, stderr behind `! `, the exit code in brackets
if it is not nought. Lines with `<` before the outcome are typed in. What differs from run to run is
replaced: `ID1` is the first id that a transcript shows. To look afresh:

    UPDATE_TRANSCRIPTS=1 python -m pytest tests/wire/test_transcripts.py && git diff tests/wire/transcripts
"""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from howdah.cli import tree
from howdah.cli.failures import run
from howdah.cli.pachctl.tree import app as pachctl
from howdah.daemon import running
from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.errors import NotFound

pytestmark = pytest.mark.slow

PROGRAMS = {"howdah": tree.app, "pachctl": pachctl}
FREE = "[daemon]\npachd_port = 0\ns3_port = 0\nhttp_port = 0\ningress_port = 0\n"
SECRET = '{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "tr-key"}, "data": {"k": "dg=="}}'
TRANSCRIPTS = Path(__file__).parent / "transcripts"
AGO = re.compile(r"(Less than a second|About an? \w+|\d+ (second|minute|hour)s?) ago")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ID = re.compile(r"\b[0-9a-f]{32}\b")
PORT = re.compile(r"127\.0\.0\.1:\d{4,5}\b")
TOOK = re.compile(r"took [\d.]+ s\b")
NANOSECONDS = re.compile(r'("at_ns": )\d+')
PROCESS = re.compile(r"(process +)\d+\b")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


@dataclass
class Shell:
    """Runs command lines in this process, in a folder of its own, as a terminal without colours would."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, line: str, typed: str) -> str:
        for identity, name in self.ids.items():
            line = line.replace(name, identity)
        words = shlex.split(line)
        if words[:2] == ["howdah", "up"]:
            return self._apart(words)
        binary = io.BytesIO(typed.encode())
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(binary))
        code = run(PROGRAMS[words[0]], words[0], words[1:])
        said = self.capsys.readouterr()
        return self._told(said.out, said.err, code)

    def _apart(self, words: list[str]) -> str:
        """In a process of its own: what it starts outlives it, which this one would have to clear up."""
        command = [sys.executable, "-m", *words]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return self._told(ran.stdout, ran.stderr, ran.returncode)

    def _told(self, out: str, err: str, code: int) -> str:
        text = self.same(out) + "".join(f"! {each}\n" for each in self.same(err).splitlines())
        return text + (f"[{code}]\n" if code else "")

    def same(self, text: str) -> str:
        """The text without what differs from run to run."""
        text = UUID.sub("UUID", ID.sub(self._named, text)).replace(str(self.folder), "FOLDER")
        text = TIME.sub("TIME", text)
        text = NANOSECONDS.sub(r"\1TIME", TOOK.sub("took TIME", text))
        text = PROCESS.sub(r"\1PID", PORT.sub("127.0.0.1:PORT", text))
        # The daemon is shared: what others left there is none of this session's.
        text = re.sub(r"^(! )?\w+ to delete: .*\n", "", text, flags=re.M)
        if AGO.search(text) or "CREATED" in text or "ID" in text:
            text = re.sub(r"(?<=\S) {2,}(?=\S)", " ", AGO.sub("AGO", text))
        return re.sub(
            r" +$", "", re.sub(r"\bID\d+ +", lambda found: found[0].rstrip() + " ", text), flags=re.M
        )

    def _named(self, found: re.Match[str]) -> str:
        return self.ids.setdefault(found[0], f"ID{len(self.ids) + 1}")


def commands(text: str) -> list[tuple[str, str]]:
    """Command lines with what is typed into them."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), ""))
        elif line.startswith("< ") and found:
            found[-1] = (found[-1][0], found[-1][1] + line.removeprefix("< ") + "\n")
    return found


def comments(text: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if line.startswith("# "))


class V2(BaseHTTPRequestHandler):
    """As much of the V2 protocol as a deployment of one model with an explainer speaks."""

    def do_GET(self) -> None:
        inputs = [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in ("weight", "power")]
        self._answer({"name": "cars", "inputs": inputs} if "/cars" in self.path else None)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "/none/" in self.path:
            return self._answer(None)
        if self.path.endswith("feedback"):
            return self._answer({})
        rows = asked["inputs"][0]["shape"][0]
        output = {"name": "mileage", "datatype": "FP64", "shape": [rows, 1], "data": [21.5] * rows}
        if "-explainer/" in self.path:
            told = json.dumps({"prediction": 21.5, "base": 20, "shares": {"weight": 2.0, "power": -0.5}})
            output |= {"name": "explanation", "datatype": "BYTES", "data": [told]}
        return self._answer({"model_name": "cars", "model_version": "v7", "outputs": [output]})

    def _answer(self, document: object) -> None:
        body = json.dumps(document or {"error": "no such model"}).encode()
        self.send_response(200 if document is not None else 404)
        self.send_header("Seldon-Puid", "00000000-0000-4000-8000-000000000007")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ingress() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), V2)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pachd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """What PACHD_ADDRESS is to be for a transcript, by its name."""
    name = request.node.callspec.id
    if name.startswith("howdah-"):
        yield ""
    elif name.startswith("alone-"):
        alone = House(Options(state=tmp_path / "alone", pachd_port=0, s3_port=0, http_port=0, ingress_port=0))
        yield alone.running.pachd
        alone.close()
    else:
        house: House = request.getfixturevalue("house")
        yield house.running.pachd


@pytest.fixture
def shell(
    pachd: str,
    ingress: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    for name in ("PACH_TOKEN", "PACHD_ADDRESS", "EDITOR", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "")  # not only unset: --no-color sets it, and that must be undone
    if pachd:
        monkeypatch.setenv("PACHD_ADDRESS", pachd)
    here, state = tmp_path / "here", tmp_path / "here" / ".howdah"
    monkeypatch.setenv("PACH_CONFIG", str(here / "config.json"))
    monkeypatch.setenv("HOWDAH_STATE", str(state))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    monkeypatch.setenv("COLUMNS", "100")
    if pachd:
        monkeypatch.setenv("HOWDAH_INGRESS", ingress)
    (here / "folder" / "deep").mkdir(parents=True)
    monkeypatch.chdir(here)
    (here / "one.txt").write_text("1\n")
    (here / "two.txt").write_text("22\n")
    (here / "folder" / "a").write_text("a")
    (here / "folder" / "deep" / "b").write_text("b")
    (here / "secret.json").write_text(SECRET)
    (here / "howdah.toml").write_text(FREE)
    (here / "cars.csv").write_text(
        "weight,power,mileage\n" + "".join(f"{n},{2 * n},{90 - n}\n" for n in range(9, 60))
    )
    days = (date(2021, 1, 1) + timedelta(n) for n in range(200))
    (here / "sold.csv").write_text("day,sold\n" + "".join(f"{day},{day.day}\n" for day in days))
    yield Shell(capsys, monkeypatch, here)
    with suppress(NotFound):  # most never start one
        running.stop(running.find(state), timeout_s=60)


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_transcript(path: Path, shell: Shell) -> None:
    told = path.read_text()
    again = comments(told)
    for line, typed in commands(told):
        again += f"$ {line}\n" + "".join(f"< {each}\n" for each in typed.splitlines())
        again += shell.run(line, typed)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(again)
    assert again == told


def test_there_are_transcripts() -> None:
    assert len(list(TRANSCRIPTS.glob("*.txt"))) >= 8
