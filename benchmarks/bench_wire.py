"""pachd on the wire, from a raw client, against a gRPC server that stores nothing."""

import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import grpc.experimental
from harness import Bench, progress

from howdah.pachd.wire.contract import google, pfs

HERE = Path(__file__).resolve().parent
PIECE_BYTES = 2 << 20
PIECES = 512
SMALL = 10_000
CALLS = 1_500
CLIENTS = 8

numbers = itertools.count()


class Raw:
    """Bytes in, bytes out."""

    def __init__(self, address: str) -> None:
        # Streams are read by the thread that asks for them: a third of the default's cost a message.
        plain_reading = (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)
        options = [("grpc.max_receive_message_length", 20 << 20), plain_reading]
        self.channel = grpc.insecure_channel(address, options)

    def unary(self, path: str, request: bytes) -> bytes:
        return self.channel.unary_unary(path)(request)

    def stream(self, path: str, request: bytes) -> Iterator[bytes]:
        return self.channel.unary_stream(path)(request)

    def send(self, path: str, requests: Iterable[bytes]) -> bytes:
        return self.channel.stream_unary(path)(iter(requests))


class Daemon:
    """A daemon on a folder of its own, started as a user starts it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self._environment = {
            key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
        }
        self._environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")

    def start(self) -> tuple[float, float]:
        """Seconds until the first RPC was answered, and until everything answers."""
        began = time.perf_counter()
        port = free_port()
        ports = (f"--pachd-port={port}", "--s3-port=0", "--http-port=0", "--ingress-port=0")
        command = [sys.executable, "-m", "howdah", "up", f"--state={self.state}", *ports, "--ready-fd"]
        read, write = os.pipe()
        self._process = subprocess.Popen(
            [*command, str(write)], pass_fds=[write], env=self._environment, stderr=subprocess.DEVNULL
        )
        os.close(write)
        self.address = f"127.0.0.1:{port}"
        self._await_listener(port)
        Raw(self.address).unary("/versionpb_v2.API/GetVersion", b"")
        answered = time.perf_counter() - began
        with os.fdopen(read) as said:
            said.read()
        return answered, time.perf_counter() - began

    def _await_listener(self, port: int) -> None:
        """gRPC's own waiting backs off by a second, which is what is measured here."""
        while self._process.poll() is None:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.005)
        raise RuntimeError("the daemon ended before it listened")

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def commit(repo: str) -> object:
    place = pfs.Repo(name=repo, type="user", project=pfs.Project(name="default"))
    return pfs.Commit(repo=place, branch=pfs.Branch(repo=place, name="master"))


def new_repo(raw: Raw) -> str:
    name = f"bench-{next(numbers)}"
    raw.unary("/pfs_v2.API/CreateRepo", pfs.CreateRepoRequest(repo=commit(name).repo).SerializeToString())
    return name


def opening(repo: str) -> bytes:
    return pfs.ModifyFileRequest(set_commit=commit(repo)).SerializeToString()


def addition(path: str, data: bytes) -> bytes:
    raw = google.BytesValue(value=data)
    return pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=raw)).SerializeToString()


def put(raw: Raw, repo: str, requests: Iterable[bytes]) -> None:
    raw.send("/pfs_v2.API/ModifyFile", itertools.chain([opening(repo)], requests))


def file(repo: str, path: str) -> object:
    return pfs.File(commit=commit(repo), path=path)


def settle(raw: Raw, repo: str) -> None:
    """Until the head is finished: reading waits for it."""
    request = pfs.InspectCommitRequest(commit=commit(repo), wait=pfs.CommitState.FINISHED)
    raw.unary("/pfs_v2.API/InspectCommit", request.SerializeToString())


def drain(messages: Iterator[bytes]) -> int:
    return sum(map(len, messages))


def rate(count: int, work: Callable[[], object]) -> Callable[[], float]:
    """What `work` gets done a second."""

    def side() -> float:
        began = time.perf_counter()
        work()
        return count / (time.perf_counter() - began)

    return side


def large(bench: Bench, raw: Raw, null: Raw) -> None:
    mib = PIECES * PIECE_BYTES >> 20

    def fresh() -> list[bytes]:
        return [addition("/big", os.urandom(PIECE_BYTES)) for _ in range(PIECES)]

    known = fresh()
    repo = new_repo(raw)
    put(raw, repo, known)
    new = [fresh() for _ in range(1)]

    def put_fresh() -> float:
        requests = new.pop() if new else fresh()
        return rate(mib, lambda: put(raw, new_repo(raw), requests))()

    sides = {
        "fresh": put_fresh,
        "known": rate(mib, lambda: put(raw, new_repo(raw), known)),
        "null": rate(mib, lambda: null.send("/null/put", known)),
    }
    put_rates = bench.interleave(sides)
    peer = ("null, written and synced", put_rates["null"])
    bench.ratio("put 1 GiB, fresh", put_rates["fresh"], "MiB/s", peer=peer, must=">= 0.5", aim=">= 0.8")
    bench.ratio("put 1 GiB, known", put_rates["known"], "MiB/s", peer=peer, must=">= 0.4")
    settle(raw, repo)
    request = pfs.GetFileRequest(file=file(repo, "/big")).SerializeToString()
    got = bench.interleave(
        {
            "ours": rate(mib, lambda: drain(raw.stream("/pfs_v2.API/GetFile", request))),
            "null": rate(mib, lambda: drain(null.stream("/null/get", b""))),
        }
    )
    bench.ratio("get 1 GiB", got["ours"], "MiB/s", peer=("null", got["null"]), must=">= 0.7")


def small(bench: Bench, raw: Raw, null: Raw) -> str:
    requests = [addition(f"/d/{number:05}", b"%05d" % number * 20) for number in range(SMALL)]
    repo = new_repo(raw)
    put(raw, repo, requests)
    settle(raw, repo)
    ask = pfs.InspectFileRequest(file=file(repo, "/d/00042")).SerializeToString()
    listing = pfs.ListFileRequest(file=file(repo, "/d")).SerializeToString()
    tar = pfs.GetFileRequest(file=file(repo, "/")).SerializeToString()

    def inspect() -> None:
        method = raw.channel.unary_unary("/pfs_v2.API/InspectFile")
        for _ in range(CALLS):
            method(ask)

    def nothing() -> None:
        method = null.channel.unary_unary("/null/ask")
        for _ in range(CALLS):
            method(ask)

    rates = bench.interleave(
        {
            "put": rate(SMALL, lambda: put(raw, new_repo(raw), requests)),
            "list": rate(SMALL, lambda: drain(raw.stream("/pfs_v2.API/ListFile", listing))),
            "tar": rate(SMALL, lambda: drain(raw.stream("/pfs_v2.API/GetFileTAR", tar))),
            "inspect": rate(CALLS, inspect),
            "null": rate(CALLS, nothing),
            "null list": rate(SMALL, lambda: drain(null.stream("/null/list", b""))),
        }
    )
    bench.value("10,000 small files, one stream", rates["put"], "files/s", must=">= 6000", aim=">= 10000")
    bench.value("ListFile of 10,000", rates["list"], "files/s", must=">= 7000", aim=">= 20000")
    bench.value("GetFileTAR of 10,000", rates["tar"], "files/s", must=">= 50000", aim=">= 100000")
    bench.value("InspectFile", rates["inspect"], "calls/s", must=">= 1200", aim=">= 1800")
    bench.value("a null call, for comparison", rates["null"], "calls/s")
    bench.value("a null listing of 10,000, for comparison", rates["null list"], "files/s")
    return repo


def many(bench: Bench, address: str) -> None:
    each = 64
    mib = each * PIECE_BYTES >> 20
    clients = [Raw(address) for _ in range(CLIENTS)]

    def load() -> list[bytes]:
        return [addition("/f", os.urandom(PIECE_BYTES)) for _ in range(each)]

    def one() -> float:
        requests, repo = load(), new_repo(clients[0])
        return rate(mib, lambda: put(clients[0], repo, requests))()

    def eight() -> float:
        loads, repos = [load() for _ in clients], [new_repo(raw) for raw in clients]
        with ThreadPoolExecutor(CLIENTS) as pool:
            return rate(mib * CLIENTS, lambda: list(pool.map(put, clients, repos, loads)))()

    rates = bench.interleave({"one": one, "eight": eight})
    peer = ("one client", rates["one"])
    bench.ratio("eight clients put, in sum", rates["eight"], "MiB/s", peer=peer, must=">= 0.9")


def sdk(bench: Bench, address: str, raw: Raw, listed: str) -> None:
    for story, name, must in (
        ("small", "SDK, 2,000 small files, accelerated", ">= 2"),
        ("list", "SDK, list of 10,000, accelerated", ">= 3"),
        ("put", "SDK, put of 256 MiB, accelerated", ">= 1"),
    ):

        def side(codec: str, story: str = story) -> Callable[[], float]:
            def run() -> float:
                repo = listed if story == "list" else new_repo(raw)
                command = [sys.executable, HERE / "wire_sdk.py", f"grpc://{address}", codec, story, repo]
                return 1 / float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

            return run

        rates = bench.interleave({"fast": side("fast"), "plain": side("plain")})
        bench.ratio(name, rates["fast"], "1/s", peer=("plain SDK", rates["plain"]), must=must)


def starts(bench: Bench, daemon: Daemon) -> None:
    taken = []
    for _ in range(3):
        taken.append(daemon.start())
        resident = daemon.resident_mib()
        daemon.stop()
    answered, ready = (sorted(each)[1] for each in zip(*taken, strict=True))
    bench.value("cold start to the first answer", answered, "s", must="<= 1")
    bench.value("cold start until everything answers", ready, "s")
    bench.value("resident, idle", resident, "MiB", must="<= 120")


def main() -> None:
    """All parts, or those that are named: start small many sdk large."""
    parts = sys.argv[1:] or ["start", "small", "many", "sdk", "large"]
    bench = Bench("wire")
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder))
        progress("wire: starting")
        daemon.start()
        daemon.stop()  # the first start compiles and derives the contract
        if "start" in parts:
            starts(bench, daemon)
        daemon.start()
        peer = subprocess.Popen(
            [sys.executable, HERE / "wire_null.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert peer.stdout is not None
        null = Raw(f"127.0.0.1:{peer.stdout.readline().strip()}")
        raw = Raw(daemon.address)
        try:
            if {"small", "sdk"} & set(parts):
                listed = small(bench, raw, null)
            if "many" in parts:
                many(bench, daemon.address)
            if "sdk" in parts:
                sdk(bench, daemon.address, raw, listed)
            if "large" in parts:
                large(bench, raw, null)
        finally:
            daemon.stop()
            peer.communicate()
    bench.finish()


if __name__ == "__main__":
    main()
