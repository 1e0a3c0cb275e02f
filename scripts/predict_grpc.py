"""Asks a served model for one prediction by gRPC (the V2 protocol, any client of it).

scripts/predict_grpc.py 127.0.0.1:8003 mileage Cylinders=8 … Origin=USA
"""

import argparse
import os

import numpy as np
from tritonclient import grpc

told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
told.add_argument("ingress", metavar="HOST:PORT", help="`howdah status` says it")
told.add_argument("deployment", metavar="NAME")
told.add_argument("inputs", metavar="COLUMN=VALUE", nargs="+")
options = told.parse_args()
# A proxy that the environment names knows nothing of servers on this machine.
spared = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
os.environ["no_proxy"] = ",".join(filter(None, (spared, "127.0.0.1", "localhost")))

tensors = []
for name, _, value in (word.partition("=") for word in options.inputs):
    try:
        tensors.append(grpc.InferInput(name, [1, 1], "FP64"))
        tensors[-1].set_data_from_numpy(np.array([[float(value)]]))
    except ValueError:
        tensors[-1] = grpc.InferInput(name, [1, 1], "BYTES")
        tensors[-1].set_data_from_numpy(np.array([[value.encode()]], dtype=object))

# Which deployment is meant stands in two headers, as behind Seldon's own ingress.
route = {"seldon": options.deployment, "namespace": "default"}
with grpc.InferenceServerClient(options.ingress) as client:
    answer = client.infer(options.deployment, tensors, headers=route)
    for output in answer.get_response().outputs:
        print(output.name, *answer.as_numpy(output.name).ravel())
