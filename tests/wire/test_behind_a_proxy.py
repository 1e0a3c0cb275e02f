"""Where the environment names a proxy, it is never asked for what stands on this machine."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9"  # the discard port: who asks this proxy is refused
PACHCTL = "from howdah.cli.pachctl import main; main()"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    proxies = {f"{kind}_proxy": NOBODY for kind in ("http", "https", "grpc", "all")}
    return kept | proxies | {"PYTHONPATH": str(ROOT / "src"), "HOWDAH_STATE": str(tmp_path / "state")}


def run(*words: str, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_daemon_and_the_commands_find_each_other(environment: dict[str, str]) -> None:
    ports = [f"--{name}-port=0" for name in ("pachd", "s3", "http", "ingress")]
    run("-m", "howdah", "up", "--detach", *ports, env=environment)
    try:
        status = json.loads(run("-m", "howdah", "status", "--json", env=environment))
        there = environment | {"PACHD_ADDRESS": status["pachd"], "KUBECONFIG": status["kubeconfig"]}
        run("-c", PACHCTL, "create", "repo", "here", env=there)
        assert "here" in run("-c", PACHCTL, "list", "repo", env=there)
        run("-m", "howdah", "kubectl", "get", "sdep", env=there)
        notebook = "import howdah, sys; howdah.connect().commits('here'); print('connected')"
        assert run("-c", notebook, env=there) == "connected\n"
    finally:
        run("-m", "howdah", "down", env=environment)


class _Ingress(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"outputs": [{"name": "Miles_per_Gallon", "data": [18.0]}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def ingress() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Ingress) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_example_in_rest_asks_the_ingress(ingress: str, environment: dict[str, str]) -> None:
    script = str(ROOT / "scripts" / "predict_rest.py")
    assert run(script, ingress, "mileage", "Cylinders=8", env=environment) == "Miles_per_Gallon 18.0\n"
