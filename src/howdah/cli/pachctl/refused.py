"""What Pachyderm's own pachctl can do and this one does not: said plainly, never pretended.

Commands stand in the tree, options in `OPTIONS`; `failures` asks for those when it meets one.
"""

from typing import Annotated

import typer

from howdah.errors import Invalid

Words = Annotated[list[str] | None, typer.Argument(metavar="…", help="Whatever it would have taken.")]
REAL = "Use Pachyderm's own pachctl, against a cluster that has it."


_JSONNET = (
    "Jsonnet is not rendered here.",
    "Render it with `jsonnet` and give what that prints with -f -, or use Pachyderm's own pachctl.",
)
_IMAGES = (
    "There is no registry to push to: an image is a folder of images/.",
    "Leave it out; for a cluster push with `docker push`, or use Pachyderm's own pachctl.",
)
_NEW_PIPELINE = dict.fromkeys(("--jsonnet", "--arg"), _JSONNET) | dict.fromkeys(
    ("--push-images", "-p", "--registry", "-r", "--username", "-u"), _IMAGES
)
_ENTERPRISE = ("Pachyderm 2.12 has retired the enterprise server.", "Leave it out.")
_PATIENCE = ("Waiting has no limit of its own.", "Put `timeout 10s` before the command.")
_EVERYWHERE = {
    "--verbose": ("It says no more than it has to.", "Put --debug before the verb for a traceback."),
    "--no-color": ("It stands before the verb.", "Write `pachctl --no-color …`, or set NO_COLOR=1."),
    "--rpc-timeout": _PATIENCE,
}
OPTIONS = {
    "create pipeline": _NEW_PIPELINE,
    "update pipeline": _NEW_PIPELINE,
    "find commit": {"--timeout": _PATIENCE},
    "debug dump": dict.fromkeys(("--template", "-t"), ("The dump has one form.", "Leave it out.")),
    "version": {
        "--timeout": _PATIENCE,
        "--enterprise": _ENTERPRISE,
        "--print-architecture": ("It runs on Python, not on one machine's code.", "See `uname -m`."),
    },
}
"""By command: options of Pachyderm's own pachctl, why they are not here, and what to do."""


def option(command: str, name: str) -> Invalid | None:
    """The refusal of an option that the real tool has; None where it has none of this name either."""
    told = (_EVERYWHERE | OPTIONS.get(command, {})).get(name)
    if told is None:
        return None
    why, remedy = told
    return _absent(f"{command} {name}".strip(), why, remedy)


def _absent(what: str, why: str, remedy: str) -> Invalid:
    return Invalid(f"`pachctl {what}` is not part of Howdah", why=why, remedy=remedy)


def _refuse(what: str, why: str, remedy: str = REAL) -> None:
    raise _absent(what, why, remedy)


def auth(words: Words = None) -> None:
    """Not here: users and roles belong to a cluster."""
    _refuse(
        "auth",
        "One user works on one machine; others are kept out by a token.",
        "`howdah up --new-token` asks for a token; for roles use Pachyderm's own pachctl.",
    )


def license_(words: Words = None) -> None:
    """Not here: Pachyderm 2.12 itself no longer asks for a licence."""
    _refuse("license", "Pachyderm 2.12 has retired licences.", "Nothing needs to be done.")


def enterprise(words: Words = None) -> None:
    """Not here: Pachyderm 2.12 itself has no enterprise server any more."""
    _refuse("enterprise", "Pachyderm 2.12 has retired it.", "Nothing needs to be done.")


def idp(words: Words = None) -> None:
    """Not here: identity providers belong to a cluster."""
    _refuse("idp", "There are no users to identify on one machine.")


def mount(words: Words = None) -> None:
    """Not here: PFS as a folder needs FUSE."""
    _refuse(
        "mount",
        "It needs FUSE and a file system of Pachyderm's own.",
        "Read with `pachctl get file -r`, or through the S3 gateway; else use Pachyderm's own pachctl.",
    )


def unmount(words: Words = None) -> None:
    """Not here: nothing is ever mounted."""
    _refuse("unmount", "Howdah mounts nothing, so there is nothing to unmount.")


def port_forward(words: Words = None) -> None:
    """Not here: everything already listens on this machine."""
    _refuse(
        "port-forward",
        "Everything listens on this machine already; `howdah status` says where.",
        "For a cluster use Pachyderm's own pachctl, or kubectl port-forward.",
    )


def shell(words: Words = None) -> None:
    """Not here: your own shell completes names."""
    _refuse(
        "shell",
        "Your own shell does it.",
        "Run `pachctl --install-completion` once; repos and pipelines are completed from then on.",
    )


def import_kube(words: Words = None) -> None:
    """Not here: it reads a cluster's Kubernetes configuration."""
    _refuse(
        "config import-kube",
        "There is no Kubernetes cluster behind Howdah.",
        "`howdah up --context` writes the context; for a cluster name its address with `pachctl connect`.",
    )


def kube_events(words: Words = None) -> None:
    """Not here: there is no Kubernetes."""
    _refuse("kube-events", "There is no Kubernetes, so it has no events.", "See `pachctl logs`.")


def loki(words: Words = None) -> None:
    """Not here: logs are files, not Loki's."""
    _refuse("loki", "Logs are kept in files.", "See `pachctl logs --since 1h`.")


def restart_cluster(words: Words = None) -> None:
    """Not here: `howdah down`, then `howdah up`."""
    _refuse("restart cluster", "There is one process.", "Run `howdah down`, then `howdah up --detach`.")


def debug(words: Words = None) -> None:
    """Not here: profiles and binaries of Go programs."""
    _refuse("debug", "Only `pachctl debug dump FILE` is.", "Run that, or use Pachyderm's own pachctl.")


def next_datum(words: Words = None) -> None:
    """Not here: user code asks for it through the environment of its worker."""
    _refuse("next datum", "In a datum batch, user code calls the SDK's next_datum().")


def load_test(words: Words = None) -> None:
    """Not here: Pachyderm's own load generator."""
    _refuse("run pfs-load-test", "It is Pachyderm's own load generator.", "See `make bench-pipelines`.")


def snapshot(words: Words = None) -> None:
    """Not here: `howdah backup` copies everything."""
    _refuse("… snapshot", "A backup holds everything that a snapshot would.", "See `howdah backup --help`.")


def task(words: Words = None) -> None:
    """Not here: work is not cut into tasks."""
    _refuse("list task", "Work is not cut into tasks.", "See `pachctl list job` and `pachctl list datum`.")


def metadata(words: Words = None) -> None:
    """Not here: the SDK edits metadata."""
    _refuse("edit metadata", "It is left to the SDK.", "Call metadata.API/EditMetadata with pachyderm-sdk.")


def log_level(words: Words = None) -> None:
    """Not here: the log has one level."""
    _refuse("debug log-level", "The log has one level.", "See `pachctl debug dump`.")


def pps_load_test(words: Words = None) -> None:
    """Not here: Pachyderm's own load generator."""
    _refuse("run pps-load-test", "It is Pachyderm's own load generator.", "See `make bench-pipelines`.")


def completion(words: Words = None) -> None:
    """Not here: the program installs its own completion."""
    _refuse("completion", "The program writes its own.", "Run `pachctl --install-completion` in your shell.")


def buildinfo(words: Words = None) -> None:
    """Not here: how a Go program was built."""
    _refuse("buildinfo", "It tells how a Go program was built.", "See `pachctl version`.")


def exit_(words: Words = None) -> None:
    """Not here: it leaves the shell that is not here."""
    _refuse("exit", "It leaves `pachctl shell`, which is not here either.", "Nothing needs to be done.")


def misc(words: Words = None) -> None:
    """Not here: tools for those who look after a cluster."""
    _refuse("misc", "These are tools for those who look after a cluster.")


def enterprise_context(words: Words = None) -> None:
    """Not here: Pachyderm 2.12 itself has no enterprise server any more."""
    _refuse("config … active-enterprise-context", _ENTERPRISE[0], "Nothing needs to be done.")


def set_metrics(words: Words = None) -> None:
    """Not here: nothing is ever reported home."""
    _refuse("config set metrics", "Nothing is ever reported home.", "Nothing needs to be done.")
