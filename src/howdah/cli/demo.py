"""`howdah demo`: what `make demo` tells, in a checkout whose environment stands."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from howdah.errors import Unavailable

CHECKOUT = Path(__file__).resolve().parents[3]


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Stop when the story is told.")] = False,
) -> None:
    """Tell the whole story on real data, showing every command, and stay up until Ctrl-C."""
    script = CHECKOUT / "scripts" / "demo.py"
    if not script.exists():
        raise Unavailable(
            "the demo is not part of the installed package",
            why="The data, specs and images that it shows are those of a checkout.",
            remedy="Clone Howdah and type `make demo` there, or begin with `howdah init`.",
        )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(script), *(["--exit"] if leave else [])])
