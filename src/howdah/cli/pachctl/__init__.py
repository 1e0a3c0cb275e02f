"""`pachctl`: the real tool's verbs, nouns, flags and columns, over Pachyderm's public protocol.

A file per noun; `tree.py` says which verb of which noun stands where. Works alike against
the embedded engine and a cluster.
"""

import sys
from typing import NoReturn


def main() -> NoReturn:
    from howdah.cli.failures import run
    from howdah.cli.pachctl.tree import app

    sys.exit(run(app, "pachctl", sys.argv[1:]))
