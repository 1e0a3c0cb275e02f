"""The store against its peers: every `store_*.py` beside this file adds its rows.

`bench_store.py bytes` runs those of `store_bytes.py` alone.
"""

import importlib
import sys
from pathlib import Path

from harness import Bench


def main() -> None:
    wanted = sys.argv[1:]
    bench = Bench("store")
    for path in sorted(Path(__file__).parent.glob("store_*.py")):
        if not wanted or path.stem.removeprefix("store_") in wanted:
            importlib.import_module(path.stem).run(bench)
    bench.finish()


if __name__ == "__main__":
    main()
