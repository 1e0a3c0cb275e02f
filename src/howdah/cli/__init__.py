"""The command line: a file per command group, two entry points.

To add a command: write `cli/<group>.py` with a `typer.Typer()` called `app`, and add one
line to the table in `howdah.py` (or `pachctl.py`). The group's module is imported only
when it is used, so that `--help` stays fast; keep the table's line and the group's own
help the same in spirit. User errors are raised, never printed: see `failures.py`.
"""
