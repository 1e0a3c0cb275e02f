"""The story of the README, as far as it can be told today: `make demo`.

Starts Howdah on its defaults, shows every command before it runs it, and stays up until
Ctrl-C. With --exit it stops at the end of the story. What follows goes to `howdah up`:

    scripts/demo.py --exit --state /tmp/demo --http-port 0
"""

import json
import shlex
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "pipelines" / "mileage" / "data"
HOWDAH = (sys.executable, "-m", "howdah")

STORY = """
# A repo of versioned files, and one commit of cars, 1970 to 1972.
client = Client.from_pachd_address("{pachd}")
client.pfs.create_repo(repo=Repo.from_uri("mileage-raw"), update=True)
with client.pfs.commit(branch=Branch.from_uri("mileage-raw@master")) as first:
    for year in (1970, 1971, 1972):
        first.put_file_from_bytes(f"/{{year}}.csv", (data / f"{{year}}.csv").read_bytes())

# The next year arrives. The new commit shares what did not change with the one before.
with client.pfs.commit(branch=Branch.from_uri("mileage-raw@master")) as second:
    second.put_file_from_bytes("/1973.csv", (data / "1973.csv").read_bytes())
for info in client.pfs.list_file(file=File.from_uri("mileage-raw@master:/")):
    print(info.file.path, info.size_bytes, "bytes")

# Every commit stays what it was, and says what changed.
for change in client.pfs.diff_file(new_file=File(commit=second, path="/")):
    print("new in", second.id, change.new_file.file.path)
"""


def main() -> int:
    arguments = sys.argv[1:]
    leave = "--exit" in arguments
    options = [each for each in arguments if each != "--exit"]
    state = _state(options)
    started = shell("up", "--detach", *options)
    if started.returncode != 0:
        return started.returncode
    try:
        found = json.loads(shell("status", "--json", *state, show=False).stdout)
        tell(STORY.format(pachd=found["pachd"]))
        print(f"\nHowdah runs: pachd at {found['pachd']}, HTTP at {found['http']}.")
        print("The story ends here for now: pipelines, serving and watching join it as they are built.")
        if not leave:
            print("Ctrl-C stops it.")
            signal.pause()
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        stopped = shell("down", *state)
    return stopped.returncode


def tell(story: str) -> None:
    """Shows and runs Python, paragraph by paragraph, as one would type it."""
    import pachyderm_sdk
    from pachyderm_sdk.api.pfs import Branch, File, Repo

    names: dict[str, object] = {"Branch": Branch, "Client": pachyderm_sdk.Client, "File": File, "Repo": Repo}
    print("\n>>> from pachyderm_sdk import Client")
    print(">>> from pachyderm_sdk.api.pfs import Branch, File, Repo")
    print(f">>> data = pathlib.Path({str(DATA)!r})")
    names["data"] = DATA
    for paragraph in story.strip().split("\n\n"):
        print("\n" + textwrap.indent(paragraph, ">>> "), flush=True)
        exec(paragraph, names)


def shell(*words: str, show: bool = True) -> subprocess.CompletedProcess[str]:
    """Shows and runs one `howdah` command; what it says is shown too."""
    if show:
        print(f"\n$ howdah {shlex.join(words)}", flush=True)
    ran = subprocess.run([*HOWDAH, *words], text=True, stdout=subprocess.PIPE, check=False)
    if show:
        print(ran.stdout, end="", flush=True)
    return ran


def _state(options: list[str]) -> list[str]:
    """The --state of the options, which the other commands need as well."""
    return options[options.index("--state") :][:2] if "--state" in options else []


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
