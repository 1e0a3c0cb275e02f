"""The story of the README, told on real data: `make demo`.

Starts Howdah in a folder of its own, shows every command before it runs it, and stays up
until Ctrl-C, so that a `pachctl put file` in a second terminal leads to a new model. With
--exit it stops at the end of the story. What follows goes to `howdah up`:

    scripts/demo.py --exit --http-port 0

Every figure it prints was measured in that run.
"""

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASE = ROOT / "pipelines" / "mileage"
DATA = CASE / "data"
STATE = ROOT / ".howdah" / "demo"
DECISIONS = "mileage-decisions@master"
EARLY, LATER, LAST = range(1970, 1974), range(1974, 1979), (1979, 1980, 1982)
PATIENCE_S = 180.0
QUIET_S = 8.0
"""So long without news, and nothing more is to be expected of a commit."""
NUMBERS = ("Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration", "Year")


def main() -> int:
    arguments = sys.argv[1:]
    leave = "--exit" in arguments
    options = [each for each in arguments if each != "--exit"]
    state = _state(options)
    # A proxy that the environment names knows nothing of servers on this machine.
    spared = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (spared, "127.0.0.1", "localhost")))
    begun = time.monotonic()
    chapter("Howdah on this machine: one process, no containers")
    if shell("howdah", "up", "--detach", *options).returncode != 0:
        return 1
    try:
        found = json.loads(output("howdah", "status", "--json", "--state", str(state)))
        os.environ |= {"PACHD_ADDRESS": found["pachd"], "KUBECONFIG": found["kubeconfig"]}
        print(f"\n$ export PACHD_ADDRESS={found['pachd']} KUBECONFIG={found['kubeconfig']}")
        tell(found)
        print(f"\nThe story took {time.monotonic() - begun:.0f} s.")
        if not leave:
            linger(found)
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        stopped = shell("howdah", "down", "--state", str(state))
    return stopped.returncode


def tell(found: dict[str, str]) -> None:
    chapter("A case is data: repos, a schema, a policy, a manifest, six pipelines")
    for part in ("raw", "schema", "policy", "manifest", "retrain"):
        run("pachctl", "create", "repo", f"mileage-{part}")
    put("mileage-schema", "/schema.json", CASE / "schema.json")
    put("mileage-policy", "/policy.yaml", CASE / "policy.yaml")
    put("mileage-manifest", "/deployment.yaml", ROOT / "seldon" / "mileage" / "deployment.yaml")
    run("pachctl", "put", "file", "mileage-retrain@master:/why.json", text='{"reason": "the first training"}')
    for spec in sorted(CASE.glob("[1-6]-*.json")):  # the others look at a model; the story needs none
        run("pachctl", "create", "pipeline", "-f", shown(spec))

    chapter("The cars of 1970 to 1973 arrive; everything downstream runs by itself")
    run("pachctl", "put", "file", "mileage-raw@master", *files(EARLY))
    first = champion(other_than=None)
    served(first)
    run("pachctl", "list", "pipeline")
    run("pachctl", "logs", "-p", "mileage-model")

    chapter("Ask the model: REST, gRPC, and why it answered so")
    cars = list(rows(LATER))
    asked = ask(found, cars[0])
    over_grpc(found, cars[0])
    explain(found, cars[0])
    before = error(found, cars)
    print(f"On the {len(cars)} cars of 1974 to 1978 it is off by {before:.2f} miles per gallon on average.")
    why(asked)

    chapter("The years 1974 to 1978 arrive: drift, retraining, comparison, promotion, all by itself")
    run("pachctl", "put", "file", "mileage-raw@master", *files(LATER))
    second = champion(other_than=first)
    served(second)
    run("pachctl", "logs", "-p", "mileage-drift", "--tail", "3")
    print(f"\n$ pachctl list file {DECISIONS}", *decisions(), sep="\n")
    asked = ask(found, cars[0])
    after = error(found, cars)
    print(f"On the same cars it is now off by {after:.2f} (before: {before:.2f}); it has seen most of them.")
    why(asked)

    chapter("The same file once more: a new commit, and nothing to do")
    run("pachctl", "put", "file", "mileage-raw@master:/1978.csv", "-f", shown(DATA / "1978.csv"))
    last = head_of("mileage-raw@master")
    run("pachctl", "wait", "job", last)


# -- what the chapters are made of


def champion(other_than: str | None) -> str:
    """Waits, telling what happens meanwhile, until a model is promoted; its commit."""
    told: set[str] = set()

    def promoted() -> str | None:
        tell_new(told, jobs())
        chosen = head_of("mileage-model@champion")
        if chosen in (None, other_than) or not exists(f"mileage-model@{chosen}:/model.json"):
            return None
        return chosen

    return until("a model to be promoted", promoted)


def jobs() -> Iterable[str]:
    """A line for each job that works or has worked on something."""
    text = output("pachctl", "list", "job", "-x", "--raw")
    for job in documents(text):
        if job.get("data_total", "0") != "0" or job["state"] == "JOB_RUNNING":
            counts = f"{job.get('data_processed', 0)} processed, {job.get('data_skipped', 0)} skipped"
            state = job["state"].removeprefix("JOB_").lower()
            if state in ("running", "success", "failure"):
                detail = f": {counts}" if state == "success" else ""
                yield f"{job['job']['pipeline']['name']} {job['job']['id'][:8]} {state}{detail}"


def tell_new(told: set[str], lines: Iterable[str]) -> bool:
    """Prints the lines that were not told yet; whether there were any."""
    new = [line for line in lines if line not in told]
    for line in new:
        print(f"   {line}", flush=True)
    told.update(new)
    return bool(new)


def served(commit: str) -> None:
    def available() -> bool:
        found = api("/apis/machinelearning.seldon.io/v1/namespaces/default/seldondeployments/mileage")
        if found is None:
            return False
        pinned = found["metadata"].get("annotations", {}).get("howdah/model-commit")
        return pinned == commit and found.get("status", {}).get("state") == "Available"

    until(f"model {commit[:8]} to be served", available)
    if shutil.which("kubectl"):
        run("kubectl", "get", "sdep,pods")


def ask(found: dict[str, str], car: dict[str, str]) -> str:
    """One prediction by REST; its ID."""
    url = f"{found['ingress']}/seldon/default/mileage/v2/models/mileage/infer"
    print(f"\n$ curl -i {url} -d '{json.dumps(request([car]))}'")
    answer = post(url, request([car]))
    predicted, true = answer["outputs"][0]["data"][0], car["Miles_per_Gallon"]
    print(f"{car['Name']} of {car['Year']}: predicted {predicted:.1f} miles per gallon, true {true}")
    print(f"The prediction's ID is {answer['id']}.")
    return str(answer["id"])


def over_grpc(found: dict[str, str], car: dict[str, str]) -> None:
    import numpy as np
    from tritonclient import grpc

    address = found["ingress"].removeprefix("http://")
    print(f"\n>>> client = tritonclient.grpc.InferenceServerClient({address!r})")
    print('>>> client.infer("mileage", inputs, headers={"seldon": "mileage", "namespace": "default"})')
    inputs = []
    for tensor in request([car])["inputs"]:
        kind = object if tensor["datatype"] == "BYTES" else np.float64
        values = [v.encode() if isinstance(v, str) else v for v in tensor["data"]]
        given = grpc.InferInput(tensor["name"], tensor["shape"], tensor["datatype"])
        given.set_data_from_numpy(np.array(values, dtype=kind).reshape(tensor["shape"]))
        inputs.append(given)
    with grpc.InferenceServerClient(address) as client:
        answer = client.infer("mileage", inputs, headers={"seldon": "mileage", "namespace": "default"})
    print(f"by gRPC: {answer.as_numpy('Miles_per_Gallon').ravel()[0]:.1f} miles per gallon")


def explain(found: dict[str, str], car: dict[str, str]) -> None:
    model = "mileage-champion-explainer"
    url = f"{found['ingress']}/seldon/default/mileage-explainer/champion/v2/models/{model}/infer"
    print(f"\n$ curl {url} -d …")
    answer = post(url, request([car]))
    told = json.loads(answer["outputs"][0]["data"][0])
    shares = ", ".join(f"{name} {share:+.1f}" for name, share in list(told["shares"].items())[:4])
    print(f"{told['prediction']:.1f} = {told['base']:.1f} on average {shares}, … ({told['method']})")


def error(found: dict[str, str], cars: list[dict[str, str]]) -> float:
    url = f"{found['ingress']}/seldon/default/mileage/v2/models/mileage/infer"
    predicted = post(url, request(cars))["outputs"][0]["data"]
    truth = [float(car["Miles_per_Gallon"]) for car in cars]
    return sum(abs(p - t) for p, t in zip(predicted, truth, strict=True)) / len(cars)


def why(prediction: str) -> None:
    until("the prediction to be in a commit", lambda: output("howdah", "why", prediction))
    run("howdah", "why", prediction)


def decisions() -> Iterable[str]:
    """A line for each decision on record."""
    listed = output("pachctl", "list", "file", DECISIONS).splitlines()[1:]
    for path in (line.split()[-1] for line in listed):
        entry = json.loads(output("pachctl", "get", "file", f"{DECISIONS}:{path}"))
        yield f"{path}  {entry['subject'][:8]} by {entry['actor']}: {entry['reason']}"


def request(cars: list[dict[str, str]]) -> dict[str, list[dict[str, object]]]:
    """The V2 protocol: a tensor for each column, a row for each car."""
    inputs: list[dict[str, object]] = [
        {
            "name": name,
            "shape": [len(cars), 1],
            "datatype": "FP64",
            "data": [float(car[name]) for car in cars],
        }
        for name in NUMBERS
    ]
    origins: dict[str, object] = {
        "name": "Origin",
        "shape": [len(cars), 1],
        "datatype": "BYTES",
        "data": [car["Origin"] for car in cars],
    }
    return {"inputs": [*inputs, origins]}


def rows(years: Iterable[int]) -> Iterable[dict[str, str]]:
    """The cars of these years whose every number is known."""
    for year in years:
        with (DATA / f"{year}.csv").open() as stream:
            for car in csv.DictReader(stream):
                if all(car[name] for name in (*NUMBERS, "Miles_per_Gallon")):
                    yield car


def linger(found: dict[str, str]) -> None:
    last = str(head_of("mileage-raw@master"))  # a put may come as soon as it is told how
    print(
        f"""
Howdah stays up until Ctrl-C:
  pachd        {found["pachd"]}
  console, API {found["http"]}
  predictions  {found["ingress"]}/seldon/default/mileage/v2/models/mileage/infer

In a second terminal, with the two exports above, change the data and watch:
  cd {ROOT}
  {tool("pachctl")} put file mileage-raw@master {" ".join(files(LAST))}
  {tool("pachctl")} list job
  {tool("pachctl")} list file mileage-decisions@master
  {tool("howdah")} kubectl get sdep

A model is trained on all rows and compared, on rows held out, with the one that is served. It takes
that one's place only if it is better beyond chance ({shown(CASE / "policy.yaml")}); else it is `held`.""",
        flush=True,
    )
    watch(found, last)


def watch(found: dict[str, str], last: str) -> None:
    """Tells what every commit after this one leads to, for as long as Howdah is up."""
    told, served_now = {*jobs(), *decisions()}, head_of("mileage-model@champion")
    words = command("pachctl", "subscribe", "commit", "mileage-raw@master", "--from", last)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as arriving:
        try:
            for line in arriving.stdout or ():
                project, repo, commit, *_ = line.split()
                if project != "PROJECT":  # the heading
                    print(f"\n-- a commit to {repo}: {commit[:8]}", flush=True)
                    served_now = follow(found, told, served_now)
        finally:
            arriving.terminate()
    print("Howdah no longer answers.")


def follow(found: dict[str, str], told: set[str], served_before: str | None) -> str | None:
    """Tells of jobs and decisions until all is quiet, since a decision may ask for more jobs.

    What is served then.
    """
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_S:
        new = tell_new(told, [*jobs(), *decisions()])
        if new or output("pachctl", "list", "job", "--state", "running", "--raw"):
            quiet_since = time.monotonic()
        time.sleep(1)
    chosen = head_of("mileage-model@champion")
    if chosen in (None, served_before):
        print("   the model that is served stays", flush=True)
    else:
        served(str(chosen))
        ask(found, next(iter(rows(LATER))))
    return chosen


# -- typing, running, waiting


def chapter(title: str) -> None:
    print(f"\n\n== {title}", flush=True)


def command(*words: str) -> list[str]:
    """`howdah` and `pachctl` of this very project, whatever stands on PATH."""
    if words[0] == "howdah":
        return [sys.executable, "-m", "howdah", *words[1:]]
    if words[0] == "pachctl":
        return [sys.executable, "-c", "from howdah.cli.pachctl import main; main()", *words[1:]]
    return list(words)


def shell(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Shows a command as one would type it, and runs it; what it says is shown too."""
    begin = f"echo {shlex.quote(text)} | " if text else ""
    print(f"\n$ {begin}{shlex.join(words)}", flush=True)
    ran = subprocess.run(
        command(*words), input=text, text=True, stdout=subprocess.PIPE, cwd=ROOT, check=False
    )
    print(ran.stdout, end="", flush=True)
    return ran


def run(*words: str, text: str | None = None) -> None:
    if shell(*words, text=text).returncode != 0:
        raise SystemExit(f"the story ends here: {shlex.join(words)} failed")


def put(repo: str, path: str, file: Path) -> None:
    run("pachctl", "put", "file", f"{repo}@master:{path}", "-f", shown(file))


def files(years: Iterable[int]) -> list[str]:
    return [word for year in years for word in ("-f", shown(DATA / f"{year}.csv"))]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tool(name: str) -> str:
    """How the program of this very environment is typed."""
    path = Path(sys.executable).parent / name
    return shown(path) if path.is_relative_to(ROOT) else str(path)


def output(*words: str) -> str:
    """What a command says, run quietly; empty where it fails."""
    return subprocess.run(command(*words), text=True, capture_output=True, cwd=ROOT, check=False).stdout


def head_of(branch: str) -> str | None:
    found = list(documents(output("pachctl", "inspect", "branch", branch, "--raw")))
    return str(found[0]["head"]["id"]) if found else None


def exists(file: str) -> bool:
    return bool(output("pachctl", "inspect", "file", file, "--raw"))


def documents(text: str) -> Iterable[dict]:  # type: ignore[type-arg]
    decoder, place = json.JSONDecoder(), 0
    while place < len(text.rstrip()):
        document, place = decoder.raw_decode(text, place)
        yield document
        while place < len(text) and text[place].isspace():
            place += 1


def api(path: str) -> dict | None:  # type: ignore[type-arg]
    """What the Kubernetes API holds there; None where it holds nothing."""
    server = next(
        line.split("server:")[1].strip()
        for line in Path(os.environ["KUBECONFIG"]).read_text().splitlines()
        if "server:" in line
    )
    try:
        with urllib.request.urlopen(server + path) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError:
        return None


def post(url: str, body: object) -> dict:  # type: ignore[type-arg]
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return dict(json.load(answer))


def until[T](what: str, look: Callable[[], T | None]) -> T:
    """Looks until there is something to see."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(0.5)
    raise SystemExit(f"the story ends here: waited {PATIENCE_S:.0f} s for {what}")


def _state(options: list[str]) -> Path:
    """The --state of the options, or a folder of the demo's own, begun anew."""
    if "--state" in options:
        return Path(options[options.index("--state") + 1])
    if (STATE / "daemon.json").exists() and output("howdah", "status", "--state", str(STATE)):
        raise SystemExit("A demo is running already. End it with Ctrl-C where it runs, or `howdah down`.")
    shutil.rmtree(STATE, ignore_errors=True)
    options += ["--state", str(STATE)]
    return STATE


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
