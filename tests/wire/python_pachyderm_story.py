"""A story told through python-pachyderm 7.6, in the environment where it lives: PORT is pachd's.

Says what it found as one JSON object; the test compares.
"""

import io
import json
import sys

import python_pachyderm
from python_pachyderm.pfs import Commit


def main() -> None:
    client = python_pachyderm.Client(host="127.0.0.1", port=int(sys.argv[1]))
    repo = "from-python-pachyderm"
    client.create_repo(repo, description="made by the archived client")
    with client.commit(repo, "master") as first:
        client.put_file_bytes(first, "/a.txt", b"one")
        client.put_file_bytes(first, "/d/b.txt", io.BytesIO(b"two"))
    client.wait_commit(first.id)
    with client.commit(repo, "master") as second:
        client.put_file_bytes(second, "/a.txt", b"changed")
        client.delete_file(second, "/d/b.txt")
        client.put_file_bytes(second, "/c.txt", b"three")
    client.wait_commit(second.id)
    said = {
        "version": client.get_remote_version().major,
        "repos": [info.repo.name for info in client.list_repo()],
        "first": client.get_file(Commit(repo=repo, id=first.id), "/a.txt").read().decode(),
        "head": client.get_file((repo, "master"), "/a.txt").read().decode(),
        "listed": [info.file.path for info in client.list_file((repo, "master"), "/")],
        "walked": [info.file.path for info in client.walk_file(Commit(repo=repo, id=first.id), "/")],
        "commits": len(list(client.list_commit(repo))),
        "diff": [
            [difference.new_file.file.path, difference.old_file.file.path]
            for difference in client.diff_file((repo, "master"), "/", Commit(repo=repo, id=first.id), "/")
        ],
    }
    client.delete_repo(repo)
    said["left"] = [info.repo.name for info in client.list_repo() if info.repo.name == repo]
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
