"""Commits a case's files one after the other, as if they came now, and prints what drifted with each.

Each is compared with what the champion of that moment learned from; needs PACHD_ADDRESS.
"""

import argparse
import json
import os
from pathlib import Path

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

told = argparse.ArgumentParser(description=__doc__)
told.add_argument("case", metavar="CASE")
told.add_argument("files", metavar="FILE", nargs="+", type=Path)
options = told.parse_args()
client = Client.from_pachd_address(os.environ["PACHD_ADDRESS"])

for file in options.files:
    with client.pfs.commit(branch=pfs.Branch.from_uri(f"{options.case}-raw@master")) as commit:
        commit.put_file_from_bytes(f"/{file.name}", file.read_bytes())
    client.pfs.wait_commit_set(pfs.CommitSet(id=commit.id))
    with client.pfs.pfs_file(pfs.File.from_uri(f"{options.case}-drift@{commit.id}:/drift.json")) as report:
        found = json.load(report)
    print(f"{file.name}: {', '.join(found['drifted']) or found['note']}", flush=True)
