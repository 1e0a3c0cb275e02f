"""Walk a graph: `python -m howdah.runtimes.graph`, told by its environment which one."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import grpc

from howdah.runtimes.front.app import Front
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place, from_environment
from howdah.runtimes.front.rpc import seldon_services
from howdah.runtimes.front.serving import Server
from howdah.runtimes.graph import nodes
from howdah.runtimes.graph.backend import GraphBackend
from howdah.runtimes.graph.connections import Caller, Endpoints
from howdah.runtimes.graph.inference import inference_service

LIMIT_BYTES = 256 << 20


async def run(place: Place, env: Mapping[str, str]) -> None:
    root = nodes.parse(env["HOWDAH_GRAPH"])
    images = json.loads(env.get("HOWDAH_GRAPH_IMAGES", "{}"))
    timeout_s = int(env.get("HOWDAH_NODE_TIMEOUT_MS", "60000")) / 1000
    metrics = Metrics(place)
    caller = Caller(Endpoints(Path(env["HOWDAH_ENDPOINTS"])), timeout_s)
    backend = GraphBackend(place, root, caller, metrics, images)
    front = Front(place, backend, metrics)
    limits = [("grpc.max_receive_message_length", LIMIT_BYTES), ("grpc.max_send_message_length", LIMIT_BYTES)]
    rpc = grpc.aio.server(options=[*limits, ("grpc.so_reuseport", 0)])
    rpc.add_generic_rpc_handlers((*seldon_services(front, backend), inference_service(front, backend)))
    rpc.add_insecure_port(f"{place.host}:{place.grpc_port}")
    await rpc.start()
    server = Server(front, place)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
    await rpc.stop(grace=5)
    front.close()


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    place = from_environment(os.environ)
    import uvloop

    uvloop.run(run(place, os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(main())
