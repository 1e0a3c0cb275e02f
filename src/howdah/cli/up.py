"""`howdah up`: the daemon in the foreground, or detached."""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.where import State, state_folder
from howdah.core import logs, settings
from howdah.daemon.options import Options
from howdah.daemon.running import Running

app = typer.Typer()


def _port(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}", min=0, max=65535, help=f"{what}; 0 for any free port."
    )
    return option


@app.command()
def up(
    state: State = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it answers.")] = False,
    host: Annotated[
        str | None, typer.Option(help="Where to listen; any but a loopback address needs a token and TLS.")
    ] = None,
    pachd_port: Annotated[int | None, _port("pachd-port", "Pachyderm's gRPC API (30650)")] = None,
    s3_port: Annotated[int | None, _port("s3-port", "The S3 gateway (30600)")] = None,
    http_port: Annotated[
        int | None, _port("http-port", "JSON gateway, console, Kubernetes API (4000)")
    ] = None,
    ingress_port: Annotated[int | None, _port("ingress-port", "Predictions (8003)")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Make, print and from now on require a token.")
    ] = False,
    context: Annotated[
        bool, typer.Option("--context", help="Write and activate a context in the Pachyderm configuration.")
    ] = False,
    ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start Howdah: Pachyderm and Seldon on this machine, one process to watch.

    Example: howdah up --detach --state ~/howdah
    """
    found = settings.load(Path.cwd())
    given = found.daemon
    options = Options(
        state=state_folder(state),
        host=host or given.bind,
        pachd_port=given.pachd_port if pachd_port is None else pachd_port,
        s3_port=given.s3_port if s3_port is None else s3_port,
        http_port=given.http_port if http_port is None else http_port,
        ingress_port=given.ingress_port if ingress_port is None else ingress_port,
        tls_cert=tls_cert and tls_cert.absolute(),
        tls_key=tls_key and tls_key.absolute(),
        new_token=new_token,
        settings=found,
        project=Path.cwd(),
        environment=dict(os.environ),
    )
    if detach:
        from howdah.cli.detaching import start_detached

        typer.echo(start_detached(options, context))
        return
    logs.configure(found.logs.level, found.logs.format)
    _run(options, context, ready_fd)


def _run(options: Options, context: bool, ready_fd: int | None) -> None:
    # Not an event: a signal that comes just before a thread begins to wait would not wake it.
    asked, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    from howdah.daemon.house import House

    house = House(options)
    _settle_memory()
    try:
        if context:
            from howdah.cli.contexts import activate

            activate(house.running, house.token)
        text = _greeting(house.running, house.token, context)
        if ready_fd is None:
            typer.echo(text)
            sys.stdout.flush()
        else:
            os.write(ready_fd, text.encode())
            os.close(ready_fd)
        os.read(asked, 1)
    finally:
        house.close()


def _settle_memory() -> None:
    # All that was built so far stays. A call makes few objects, and searching the whole heap for
    # cycles every few hundred of them would take half of the time of a long listing.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _greeting(found: Running, token: str | None, context: bool) -> str:
    lines = [f"Howdah answers at {found.pachd} (pachd) and {found.http} (HTTP)."]
    if token is not None:
        lines.append(f"The token, shown only now: {token}")
    if not context:
        lines.append("To point Pachyderm's clients at it:")
        lines.append(f"  export PACHD_ADDRESS={found.pachd}")
        lines.append(f'  client = pachyderm_sdk.Client.from_pachd_address("{found.pachd}")')
    return "\n".join(lines)
