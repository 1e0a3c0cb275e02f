"""`howdah open`: the console in the browser."""

import sys
import webbrowser
from typing import Annotated

import typer

from howdah.cli.where import State, state_folder
from howdah.daemon import running


def open_(
    state: State = None,
    print_only: Annotated[bool, typer.Option("--print", help="Only print the address.")] = False,
) -> None:
    """Open the console in a browser, and print its address."""
    url = running.find(state_folder(state)).http
    sys.stdout.write(url + "\n")
    if not print_only and not webbrowser.open(url):
        sys.stderr.write("No browser could be started; open the address above yourself.\n")
