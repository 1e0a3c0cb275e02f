"""A question before something that cannot be undone."""

import sys

import typer


def agreed(question: str) -> bool:
    """The answer from stdin; no if there is none. The question goes to stderr."""
    try:
        return typer.confirm(question, err=True)
    finally:
        if not sys.stdin.isatty():
            sys.stderr.write("\n")  # nobody typed the end of the line
