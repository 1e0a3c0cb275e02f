"""What a user is told when a command cannot do what was asked.

Three parts: what happened, why, what to do. Exit code 2 for whatever the user or the
surroundings can put right, 1 for a fault of Howdah's own, 130 for Ctrl-C; but 1 for every
failure of `pachctl`, as scripts written for Pachyderm's own expect. A traceback
appears only with `--debug`, which stands before the command's name.
"""

import errno
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

import typer
from typer.core import TyperGroup

from howdah.cli.proxies import spare_loopback
from howdah.errors import HowdahError

USER_ERROR = 2
OWN_FAULT = 1
INTERRUPTED = 130
ANY_FAILURE = {"pachctl": 1}
"""By program: the one code that it knows for failures, where it knows only one."""

REMEDIES = {
    errno.ENOENT: "Check the path: every folder on the way to it must exist.",
    errno.ENOTDIR: "Check the path: every folder on the way to it must exist.",
    errno.EISDIR: "Name a file in it, not the folder.",
    errno.EEXIST: "Name another, or move it away.",
    errno.EACCES: "See with `ls -l` who may use it, or name another.",
    errno.EPERM: "See with `ls -l` who may use it, or name another.",
    errno.EROFS: "Name one on a disk that can be written to.",
    errno.ENOSPC: "Free some space and run the command again.",
    errno.EDQUOT: "Free some space and run the command again.",
}
ARCHIVES = frozenset({"tarfile", "gzip", "zlib", "_lzma"})
"""Modules whose errors mean a damaged archive; by name, as most commands never load them."""


def run(app: typer.Typer, program: str, arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code. Prints every failure to stderr."""
    code = _run(app, program, arguments)
    return ANY_FAILURE.get(program, code) if code == USER_ERROR else code


def _run(app: typer.Typer, program: str, arguments: Sequence[str]) -> int:
    debug = "--debug" in arguments
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # gRPC's core writes warnings of its own to stderr, in a format no user asked for.
    os.environ.setdefault("GRPC_VERBOSITY", "DEBUG" if debug else "NONE")
    spare_loopback(os.environ)
    try:
        outcome = app(
            list(arguments), prog_name=program, standalone_mode=False, terminal_width=_narrow_width()
        )
        sys.stdout.flush()  # here, where it is no fault that the reader has left
    except HowdahError as error:
        return _explain(error, debug, f"See `{_command(app, program, arguments)} --help`.")
    except typer.TyperException as error:
        return _usage(error, program)
    except typer.Abort as error:
        # What asks the user gets an EOFError when the input ends; so does what reads a cut archive.
        if isinstance(error.__cause__, EOFError) and "ompressed" in str(error.__cause__):
            return _archive(error.__cause__, debug)
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED
    except KeyboardInterrupt:
        outcome = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left (`howdah … | head`); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OWN_FAULT
    except OSError as error:
        return _refused(error, debug)
    except Exception as error:  # noqa: BLE001 - the outermost frame; nothing above could say it
        return _archive(error, debug) if _of_an_archive(error) else _own_fault(error, debug)
    if outcome == INTERRUPTED:  # typer, too, makes this of Ctrl-C
        sys.stderr.write("Interrupted.\n")
    return outcome if isinstance(outcome, int) else 0


def _narrow_width() -> int | None:
    """How wide help is on a narrow terminal; None where typer's own choice, at least 50, fits."""
    columns = shutil.get_terminal_size().columns
    return columns - 2 if columns < 52 else None


def tell(what: str, why: str = "", remedy: str = "", *, to: TextIO | None = None) -> None:
    """Prints the three parts, one a line, leaving out those that are empty."""
    out = to or sys.stderr
    out.write(f"Error: {what}\n")
    if why:
        out.write(f"  Why: {why}\n")
    if remedy:
        out.write(f"  Do:  {remedy}\n")


def _explain(error: HowdahError, debug: bool, otherwise: str = "") -> int:
    """`otherwise` is what to do where the error itself does not know."""
    if debug:
        raise error
    tell(str(error), error.why, error.remedy or otherwise)
    return USER_ERROR


def _command(app: typer.Typer, program: str, arguments: Sequence[str]) -> str:
    """The words of a command line that name the command, without what it was given."""
    command, context, words = typer.main.get_command(app), None, [program]
    for word in arguments:
        if not isinstance(command, TyperGroup):
            break
        if word.startswith("-"):
            continue  # what stands before a verb takes no value
        context = typer.Context(command, parent=context, info_name=words[-1])
        name, found, _ = command.resolve_command(context, [word])
        if found is None:
            break
        command = found
        words.append(name or word)
    return " ".join(words)


def _usage(error: typer.TyperException, program: str) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        sys.stderr.write(context.get_help() + "\n")
        return USER_ERROR
    command = context.command_path if context is not None else program
    if (refusal := _of_the_real_tool(command, getattr(error, "option_name", ""))) is not None:
        return _explain(refusal, debug=False)
    tell(_sentence(error), remedy=f"See `{command} --help`.")
    return USER_ERROR


def _of_the_real_tool(command: str, option: str) -> HowdahError | None:
    """The refusal of an option that only Pachyderm's own pachctl has."""
    _, pachctl, verb = command.rpartition("pachctl")
    if not pachctl or not option:
        return None
    from howdah.cli.pachctl import refused

    return refused.option(verb.strip(), option)


def _sentence(error: typer.TyperException) -> str:
    described = getattr(error, "format_message", None)
    return str(described()) if described is not None else str(error)


def _refused(error: OSError, debug: bool) -> int:
    """What the machine refused: mostly a file, which the user named."""
    if _of_an_archive(error):
        return _archive(error, debug)
    if error.errno is None:
        return _own_fault(error, debug)
    if debug:
        raise error
    why = error.strerror or os.strerror(error.errno)
    remedy = REMEDIES.get(error.errno, "Check the path and the disk that it is on.")
    if error.filename is None:
        tell(f"the machine refused: {why}", remedy=REMEDIES.get(error.errno, "See `howdah doctor`."))
    else:
        named = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
        tell(f"{' and '.join(named)} cannot be used", why, remedy)
    return USER_ERROR


def _of_an_archive(error: Exception) -> bool:
    return any(kind.__module__ in ARCHIVES for kind in type(error).__mro__)


def _archive(error: Exception, debug: bool) -> int:
    if debug:
        raise error
    tell("an archive cannot be read", str(error), "See with `tar -tf` whether it is whole; make it again.")
    return USER_ERROR


def _own_fault(error: Exception, debug: bool) -> int:
    if debug:
        raise error
    tell(
        f"{type(error).__name__}: {error}",
        "This is a fault in Howdah, not in what you typed.",
        "Run the command again with --debug before its name and report what it prints.",
    )
    return OWN_FAULT
