"""How long `howdah --help` takes, against a bare interpreter."""

import subprocess
import sys

from harness import Bench


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    bench = Bench("help")
    times = bench.interleave(
        {"help": lambda: run("-m", "howdah", "--help"), "python": lambda: run("-c", "pass")},
        rounds=11,
        warmups=1,
    )
    bench.value("howdah --help", times["help"] * 1000, "ms", must="<= 200")
    bench.value("the same, less the interpreter", (times["help"] - times["python"]) * 1000, "ms")
    bench.finish()


if __name__ == "__main__":
    main()
