"""User code that takes datum after datum, over a port of this test's own."""

import json
import socketserver
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from howdah.core.messages.catalogue import catalogue
from howdah.errors import HowdahError
from howdah.pachd.pipelines.meta import DatumState
from howdah.pachd.pipelines.workers.isolation import Isolation
from howdah.pachd.pipelines.workers.task import DatumResult, Ending
from howdah.pachd.pipelines.workers.workplace import Desk
from howdah.pachd.storage.content import Content
from howdah.pachd.wire.batch_ports import GrpcBatchPorts

pytestmark = pytest.mark.slow

Read = Callable[[DatumResult], dict[str, bytes | Content]]

CLIENT = """
import json, os, socket, sys
PFS = os.environ.get("PFS_ROOT", "/pfs")
def next_datum(error=""):
    with socket.create_connection(("127.0.0.1", int(os.environ["PPS_WORKER_GRPC_PORT"]))) as s:
        s.sendall((error + "\\n").encode())
        answer = s.makefile().readline()
    if not answer: sys.exit(4)
    env = dict(line.split("=", 1) for line in json.loads(answer))
    os.environ.update(env)
    return env
"""


class LinePort:
    """One line in, the error; one line out, the environment as JSON."""

    def __init__(self, desk: Desk) -> None:
        class Answer(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                error = self.rfile.readline().decode().rstrip("\n")
                try:
                    env = desk.next_datum(error)
                except HowdahError:
                    return
                self.wfile.write(json.dumps(env).encode() + b"\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port: int = self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class LinePorts:
    def open(self, desk: Desk) -> LinePort:
        return LinePort(desk)


def batching(shop: Any, script: str, **rest: object) -> Any:
    shop.batch_ports = LinePorts()
    return shop.worker("python3", "-u", "-c", CLIENT + script, datum_batching=True, **rest)


COPY = """
print("started")
error = ""
while True:
    next_datum(error)
    error = ""
    names = os.listdir(PFS + "/in")
    print("sees", *names)
    data = open(os.environ["in"]).read()
    if data == "bad": error = "cannot read bad"
    elif data == "die": sys.exit(7)
    elif data == "hang":
        import time; time.sleep(60)
    else:
        with open(f"{PFS}/out/{names[0]}", "w") as f: f.write(data.upper())
"""


def test_one_process_takes_all_datums(shop: Any, read: Read) -> None:
    worker = batching(shop, COPY)
    files = {f"/{n}": f"data {n}".encode() for n in range(10)}
    for path, data in files.items():
        result = worker.run(shop.task(files, path=path))
        assert read(result) == {path: data.upper()}
    assert shop.log() == ["started", *(f"sees {n}" for n in range(10))]


def test_an_error_fails_its_datum_and_the_process_goes_on(shop: Any) -> None:
    worker = batching(shop, COPY)
    files = {"/a": b"bad", "/b": b"good"}
    result = worker.run(shop.task(files, path="/a", tries=2))
    assert (result.state, result.reason) == (DatumState.FAILED, "user code reported: cannot read bad")
    assert worker.run(shop.task(path="/b")).state is DatumState.PROCESSED
    assert shop.log().count("started") == 1


def test_a_death_fails_its_datum_and_the_next_gets_a_new_process(shop: Any) -> None:
    worker = batching(shop, COPY)
    files = {"/a": b"die", "/b": b"good"}
    result = worker.run(shop.task(files, path="/a"))
    assert result.state is DatumState.FAILED
    assert result.reason.startswith("the command exited with code 7")
    assert worker.run(shop.task(path="/b")).state is DatumState.PROCESSED
    assert shop.log().count("started") == 2


def test_a_timeout_counts_for_each_datum(shop: Any) -> None:
    worker = batching(shop, COPY)
    files = {"/a": b"good", "/b": b"hang"}
    for _ in range(3):
        assert worker.run(shop.task(files, path="/a", timeout_s=60)).state is DatumState.PROCESSED
    assert "datum_timeout of 0.3 s" in worker.run(shop.task(path="/b", timeout_s=0.3)).reason
    assert worker.run(shop.task(path="/a")).state is DatumState.PROCESSED


def test_err_cmd_recovers_what_user_code_reports(shop: Any) -> None:
    worker = batching(shop, COPY, err_cmd=("true",))
    files = {"/a": b"bad", "/b": b"good"}
    assert worker.run(shop.task(files, path="/a")).state is DatumState.RECOVERED
    assert worker.run(shop.task(path="/b")).state is DatumState.PROCESSED


def test_code_that_never_asks_is_named(shop: Any) -> None:
    result = batching(shop, "print('bye')").run(shop.task({"/a": b""}))
    assert result.state is DatumState.FAILED
    assert result.reason == "the command ended by itself, before all datums were done"


def test_cancelling_and_closing_end_a_batch(shop: Any) -> None:
    worker = batching(shop, COPY)
    shop.task({"/a": b"hang", "/b": b"good"})
    assert worker.run(shop.task(path="/b")).state is DatumState.PROCESSED
    timer = threading.Timer(0.1, worker.cancel)
    timer.start()
    assert worker.run(shop.task(path="/a")).ending is Ending.CANCELLED
    timer.join()
    assert worker.run(shop.task(path="/b")).state is DatumState.PROCESSED
    worker.close()


SDK = """
import os
from pachyderm_sdk import batch_all_datums

print("started")

@batch_all_datums
def main():
    data = open(os.environ["in"]).read()
    if data == "bad":
        raise ValueError("cannot read bad")
    with open(os.environ.get("PFS_ROOT", "/pfs") + "/out/x", "w") as file:
        file.write(data + os.environ["PACH_DATUM_ID"])

main()
"""


@pytest.mark.parametrize(
    "isolation",
    [Isolation.BUBBLEWRAP, Isolation.NAMESPACES],  # the SDK reads /pfs/.env, which a plain process lacks
    indirect=True,
    ids=lambda isolation: isolation.value,
)
def test_the_sdks_batch_all_datums(shop: Any, read: Read) -> None:
    shop.batch_ports = GrpcBatchPorts(catalogue())
    worker = shop.worker(sys.executable, "-u", "-c", SDK, datum_batching=True)
    files = {"/a b": b"one", "/it's #2": b"two", "/bad": b"bad"}
    for path in ("/a b", "/it's #2"):
        task = shop.task(files, path=path)
        assert read(worker.run(task)) == {"/x": files[path] + task.datum.id.encode()}
    result = worker.run(shop.task(path="/bad"))
    assert result.reason == "user code reported: ValueError('cannot read bad')"
    assert worker.run(shop.task(path="/a b")).state is DatumState.PROCESSED
    assert shop.log().count("started") == 1


ASKING = """
import os
from pachyderm_sdk import Client

worker = Client().worker
print("started")
while True:
    with worker.batch_datum():
        status = worker.status()
        print("at", status.job_id, status.datum_status.data[0].path)
        print("other", worker.cancel(job_id=status.job_id, data_filters=["/elsewhere"]).success)
        if os.path.exists("/pfs/in/again") and not os.path.exists("/var/tmp/x"):
            print("this", worker.cancel(job_id=status.job_id, data_filters=["/again"]).success)
            import time; time.sleep(60)
"""


@pytest.mark.parametrize(
    "isolation", [Isolation.NAMESPACES], indirect=True, ids=lambda isolation: isolation.value
)
def test_a_worker_says_what_it_is_at_and_begins_again(shop: Any) -> None:
    shop.batch_ports = GrpcBatchPorts(catalogue())
    worker = shop.worker(sys.executable, "-u", "-c", ASKING, datum_batching=True)
    task = shop.task({"/a": b"", "/again": b""}, path="/a")
    assert worker.run(task).state is DatumState.PROCESSED
    assert shop.log() == ["started", f"at {task.job.id} /a", "other False"]
    assert worker.run(shop.task(path="/again")).ending is Ending.CANCELLED  # whoever drives it runs it again
    assert worker.present() is None
    assert worker.run(task).state is DatumState.PROCESSED
    assert shop.log().count("started") == 2
