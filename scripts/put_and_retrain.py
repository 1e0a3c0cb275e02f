"""Adds files to a case's data and asks for a retraining on all of it; needs PACHD_ADDRESS.

Waits for what follows and says what ran. Whether the new model is promoted is decided after
that, by the case's policy: `pachctl list file CASE-decisions@master`.
"""

import argparse
import json
import os
from pathlib import Path

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

told = argparse.ArgumentParser(description=__doc__)
told.add_argument("case", metavar="CASE")
told.add_argument("files", metavar="FILE", nargs="+", type=Path)
options = told.parse_args()
client = Client.from_pachd_address(os.environ["PACHD_ADDRESS"])

with client.pfs.commit(branch=pfs.Branch.from_uri(f"{options.case}-raw@master")) as data:
    for file in options.files:
        data.put_file_from_bytes(f"/{file.name}", file.read_bytes())
why = json.dumps({"reason": f"{len(options.files)} files came with commit {data.id}"})
with client.pfs.commit(branch=pfs.Branch.from_uri(f"{options.case}-retrain@master")) as asked:
    asked.put_file_from_bytes("/why.json", why.encode())

client.pfs.wait_commit_set(pfs.CommitSet(id=asked.id))
for job in client.pps.inspect_job_set(job_set=pps.JobSet(id=asked.id), details=True):
    print(job.job.pipeline.name, pps.JobState(job.state).name, f"{job.data_processed} processed")
