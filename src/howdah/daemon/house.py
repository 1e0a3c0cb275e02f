"""Everything a running Howdah is made of, in the order in which it stands."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from threading import Event
from typing import TYPE_CHECKING

from howdah.core import logs, state_folder
from howdah.core.clock import SystemClock
from howdah.daemon import access, ports, running, upkeep
from howdah.daemon.door import Door
from howdah.daemon.options import Options
from howdah.daemon.pachd import Pachd
from howdah.daemon.pipelines import Pipelines, Surroundings
from howdah.pachd.storage.lock import FileLock
from howdah.pachd.wire.credentials import Credentials, is_loopback
from howdah.processes.spawner import Spawner

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from howdah.pachd.wire.http import HttpServer

_log = logs.get("daemon")


@dataclass(frozen=True, slots=True)
class _Ports:
    pachd: int
    http: int
    s3: int
    ingress: int


class House:
    """Built whole or not at all; `close` undoes it in reverse order."""

    def __init__(self, options: Options) -> None:
        with ExitStack() as stack:
            allowed = access.decide(options)
            ports.probe(options)
            self._state = state_folder.prepare(options.state)
            lock = FileLock(self._state / "lock")
            stack.callback(lock.close)
            allowed.keep(self._state)
            credentials, own = allowed.credentials, allowed.own
            self.token = allowed.new_token
            """Shown once, kept nowhere."""

            spawner = stack.enter_context(Spawner.start())
            pachd = Pachd(self._state, options.settings)
            stack.callback(pachd.close)
            around = Surroundings(self._state, options.project.absolute(), options.environment)
            pipelines = Pipelines(pachd, spawner, around, options.settings)
            grpc_server = pachd.serve(options.host, options.pachd_port, credentials)
            grpc_server.start()

            # What pachd does not need is loaded only now that it answers.
            from starlette.applications import Starlette

            from howdah.console.app import Console
            from howdah.daemon import kubeconfig
            from howdah.daemon.serving import Serving
            from howdah.daemon.watching import Watching

            guarded = credentials.token
            serving = Serving(
                around,
                options.host,
                options.ingress_port,
                spawner,
                options.settings,
                own,
                guarded.matches if guarded else None,
            )

            console = Console()
            stack.callback(console.close)
            everything = Starlette(routes=[*pachd.routes(credentials), *console.routes, *serving.routes])
            http_server, inside_http = self._http("HTTP", everything, options, options.http_port, credentials)
            s3 = pachd.s3(credentials)
            s3_server, inside_s3 = self._http("S3", s3, options, options.s3_port, credentials)
            for server in dict.fromkeys((http_server, inside_http, s3_server, inside_s3)):
                stack.callback(server.stop)
                server.start()
            kubernetes = f"http://127.0.0.1:{inside_http.port}"
            kubeconfig.write(self._state, kubernetes, own)
            given = kubeconfig.text(kubernetes, own)
            pipelines.give_secret(kubeconfig.SECRET, {kubeconfig.KEY: given})
            pipelines.start(grpc_server.inside_port, own)
            stack.callback(pipelines.close)
            pachd_address = f"grpc://127.0.0.1:{grpc_server.inside_port}"
            serving.start(pachd_address, f"http://127.0.0.1:{inside_s3.port}")
            stack.callback(serving.close)
            console.start(pachd_address, kubernetes, f"http://127.0.0.1:{serving.port}")
            watching = Watching(pachd_address, own)
            watching.start()
            stack.callback(watching.close)

            stopping = Event()
            keeper = upkeep.Held(self._state, pachd.versions, upkeep.until(stopping))
            stack.callback(Door(self._state, partial(upkeep.answer, keeper)).close)
            stack.callback(stopping.set)

            self.running = self._record(
                options,
                pachd,
                _Ports(grpc_server.port, http_server.port, s3_server.port, serving.port),
                credentials,
            )
            stack.callback(running.remove, self._state)
            pachd.links.base = lambda: self.running.http
            self.running.write(self._state)
            self._closing = stack.pop_all()

    def _http(
        self, name: str, app: "ASGIApp", options: Options, port: int, credentials: Credentials
    ) -> "tuple[HttpServer, HttpServer]":
        """For others, and for our own parts, which know no certificate; often one and the same."""
        from howdah.pachd.wire.guard import Guard
        from howdah.pachd.wire.http import HttpServer

        guarded = Guard(app, _names(options))
        server = HttpServer(name, guarded, options.host, port, credentials.certificate)
        if credentials.is_plain(options.host):
            return server, server
        return server, HttpServer(f"{name} inside", Guard(app, frozenset()), "127.0.0.1", 0)

    def _record(
        self, options: Options, pachd: Pachd, at: "_Ports", credentials: Credentials
    ) -> running.Running:
        from howdah.daemon import kubeconfig

        pid, start = running.this_process()
        host = f"[{options.host}]" if ":" in options.host else options.host
        secure = "s" if credentials.certificate else ""
        return running.Running(
            pid=pid,
            start=start,
            started_ns=SystemClock().now_ns(),
            version=_version(),
            pachd=f"grpc{secure}://{host}:{at.pachd}",
            s3=f"http{secure}://{host}:{at.s3}",
            http=f"http{secure}://{host}:{at.http}",
            ingress=f"http://{host}:{at.ingress}",
            kubeconfig=str(self._state / kubeconfig.FILE),
            deployment_id=pachd.deployment_id,
            token_needed=credentials.token is not None,
        )

    def close(self) -> None:
        _log.info("stopping")
        self._closing.close()
        _log.info("stopped")


def _names(options: Options) -> frozenset[str] | None:
    """Under which HTTP is answered: any, where a token is asked for, which no stranger's page has."""
    return frozenset() if is_loopback(options.host) else None


def _version() -> str:
    try:
        return version("howdah")
    except PackageNotFoundError:
        return "a source tree, not installed"
