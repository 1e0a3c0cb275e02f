"""`howdah`: what a person runs beside pachctl and kubectl."""

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    # Until `run` takes over, Ctrl-C ends this as it ends any program: at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from howdah.cli.failures import run
    from howdah.cli.tree import app

    code = run(app, "howdah", sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)
