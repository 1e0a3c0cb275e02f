"""Howdah: data-driven pipelines and model serving, whole on one machine."""


def accelerate() -> None:
    """Give the official `pachyderm_sdk` protobuf's own codec: the same classes, read and written in a
    fraction of the time. Clients made afterwards profit, whichever pachd they speak to."""
    from howdah.client.acceleration import accelerate as replace_codec

    replace_codec()


def connect(address=None, *, ingress=None, state=None, project="default"):  # type: ignore[no-untyped-def]
    """Commits, files as DataFrames, datums, predictions, decisions: see `howdah.cli.notebooks`.

    `address` is a pachd's, by default the daemon's of `state`, PACHD_ADDRESS, or the active context's;
    `ingress` is where deployments are served.
    """
    from howdah.cli.notebooks import connect as made

    return made(address, ingress=ingress, state=state, project=project)
