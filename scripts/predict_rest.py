"""Asks a served model for one prediction by REST (the V2 protocol).

scripts/predict_rest.py http://127.0.0.1:8003 mileage Cylinders=8 … Origin=USA
"""

import argparse
import json
import os
import urllib.request

told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
told.add_argument("ingress", metavar="URL", help="`howdah status` says it")
told.add_argument("deployment", metavar="NAME")
told.add_argument("inputs", metavar="COLUMN=VALUE", nargs="+")
options = told.parse_args()
# A proxy that the environment names knows nothing of servers on this machine.
spared = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
os.environ["no_proxy"] = ",".join(filter(None, (spared, "127.0.0.1", "localhost")))

tensors = []
for name, _, value in (word.partition("=") for word in options.inputs):
    try:
        tensors.append({"name": name, "shape": [1, 1], "datatype": "FP64", "data": [float(value)]})
    except ValueError:
        tensors.append({"name": name, "shape": [1, 1], "datatype": "BYTES", "data": [value]})

path = f"/seldon/default/{options.deployment}/v2/models/{options.deployment}/infer"
body = json.dumps({"inputs": tensors}).encode()
request = urllib.request.Request(options.ingress + path, body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    for output in json.load(answer)["outputs"]:
        print(output["name"], *output["data"])
