"""`pachctl`: the real tool's verbs, nouns, flags and columns, over Pachyderm's public protocol.

A file per noun; `tree.py` says which verb of which noun stands where. Works alike against
the embedded engine and a cluster.
"""

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    # Until `run` takes over, Ctrl-C ends this as it ends any program: at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from howdah.cli.failures import run
    from howdah.cli.pachctl.tree import app

    code = run(app, "pachctl", sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)
