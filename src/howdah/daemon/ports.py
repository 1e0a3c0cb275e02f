"""Whether a new house could have its ports, asked before anything of it is made."""

import os

from howdah.daemon.options import Options
from howdah.pachd.wire.listening import listen


def probe(options: Options) -> None:
    """Unavailable, naming the port, where one is taken.

    Only for a folder in which no daemon ever ran: in another it is better said that a daemon runs
    there already, and an ingress that outlived its daemon is taken over, port and all.
    """
    if os.access(options.state / "lock", os.F_OK):
        return
    wanted = {
        "gRPC": options.pachd_port,
        "HTTP": options.http_port,
        "S3": options.s3_port,
        "predictions": options.ingress_port,
    }
    for name, port in wanted.items():
        listen(name, options.host, port).close()
