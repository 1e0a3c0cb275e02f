"""What to do about a refusal of pachd's, whose own words say only what is wrong.

Known by those words, which are Pachyderm's and so the same from every pachd.
"""

import re
from collections.abc import Callable, Sequence

from howdah.errors import AlreadyExists, Conflict, Corrupt, HowdahError, Invalid, NotFound, Unavailable

Remedy = str | Callable[[re.Match[str]], str]


def _list(noun: str) -> Remedy:
    """The command that lists what there is, in the project that the words name."""
    return lambda found: (
        f"See `pachctl list {noun}{'' if found[1] == 'default' else f' --project {found[1]}'}`."
    )


_MISSING: Sequence[tuple[str, Remedy]] = (
    (r"file .+ not found in repo (\S+) at commit (\w+)", r"See `pachctl list file \1@\2`."),
    (r"branch \S+ not found in repo (\S+)", r"See `pachctl list branch \1`."),
    (r"commit (\S+)@\S+ not found", r"See `pachctl list commit \1`."),
    (r"no commits found", "See `pachctl list commit`."),
    (r"datum \S+ not found in job (\S+)", r"See `pachctl list datum \1`."),
    (r"datum matching filter", "See `pachctl list datum PIPELINE@JOB`."),
    (r"job (\S+)@\S+ not found", r"See `pachctl list job -p \1`."),
    (r'pipeline "?([^"/\s]+)/', _list("pipeline")),
    (r"repo ([^/\s]+)/", _list("repo")),
    (r"^project", "See `pachctl list project`."),
    (r"^transaction", "See `pachctl list transaction`."),
    (r"^secret", "See `pachctl list secret`."),
)
_TAKEN: Sequence[tuple[str, Remedy]] = (
    (r"^(repo|project|pipeline)\b", r"Choose another name, or change it with `pachctl update \1`."),
    (r"^secret", "Choose another name, or delete it first with `pachctl delete secret`."),
)
_REFUSED: Sequence[tuple[str, Remedy]] = (
    (r"name \(.*\) invalid", "Use letters, digits, underscores and dashes."),
    (r"path \(.*\) invalid", "Name the file from the root: repo@branch:/folder/file."),
    (r"put_file_hosts", "Allow it there, or fetch it yourself and put the file."),
    (r"did you mean", "Mend the field's name and run the command again."),
    (r"commit (\S+) has not been finished", r"Finish it: `pachctl finish commit \1`."),
    (r"commit (\S+)@\S+ has already finished", r"Begin another: `pachctl start commit \1@BRANCH`."),
    (r"invalid offset for ancestor of commit: ([^@\s]+)@", r"See `pachctl list commit \1`."),
    (r"cannot squash", "Remove it, with what it added: `pachctl delete commit`."),
    (r"datum matching filter", "See `pachctl list datum PIPELINE@JOB`."),
    (r"have a cron input", "Put data into its input, or run it again: `pachctl rerun pipeline`."),
)
_KNOWN: Sequence[tuple[type[HowdahError], Sequence[tuple[str, Remedy]]]] = (
    (NotFound, _MISSING),
    (AlreadyExists, _TAKEN),
    (Invalid, _REFUSED),
    (Conflict, _REFUSED),
)
_OTHERWISE: dict[type[HowdahError], str] = {
    AlreadyExists: "Choose another name, or delete what has this one.",
    Conflict: "See what it is at with `pachctl inspect`, and run the command again when that has changed.",
    Corrupt: "Run `howdah check`: it names what is damaged.",
    Unavailable: "Run the command again; should it stay so, pachd's log says more.",
}


def remedy(branch: type[HowdahError], said: str) -> str:
    """What to do where pachd refused with these words; "" where only the command's own help knows."""
    for kind, known in _KNOWN:
        if not issubclass(branch, kind):
            continue
        for words, told in known:
            if found := re.search(words, said):
                return found.expand(told) if isinstance(told, str) else told(found)
    return next((told for kind, told in _OTHERWISE.items() if issubclass(branch, kind)), "")
