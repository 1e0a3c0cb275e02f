"""What Howdah does not do, said in plain words before anything is created.

Fields that merely have no effect outside Kubernetes are not refused; see `spec.not_honoured`.
"""

from howdah.pachd.pipelines.schema import Json, JsonObject, SpecError

REFUSED = {
    "tfJob": "embedding TFJobs in pipelines is not supported yet",
    "spout": "spouts are not supported here; commit from a program of your own, or use a cron input",
    "egress": "egress is not supported here; let a last pipeline step copy the results where they belong",
    "s3Out": "output through the S3 gateway is not supported here; write files to /pfs/out",
    "specCommit": "restoring a pipeline from a spec commit is not supported here",
}
_CONTAINER_ENGINES = ("docker://", "podman://", "oci://", "containerd://")


def refuse(value: JsonObject) -> None:
    for key, why in REFUSED.items():
        if value.get(key) not in (None, False):
            raise SpecError(key, why)
    transform = value.get("transform")
    image = transform.get("image") if isinstance(transform, dict) else None
    if isinstance(image, str) and image.startswith(_CONTAINER_ENGINES):
        raise SpecError(
            "transform.image",
            "no container engine is used here; name an environment under images/ or a plain image name",
        )
    _refuse_s3(value.get("input"), "input")


def _refuse_s3(value: Json, path: str) -> None:
    if isinstance(value, list):
        for i, item in enumerate(value):
            _refuse_s3(item, f"{path}[{i}]")
    elif isinstance(value, dict):
        if value.get("s3") is True:
            raise SpecError(
                f"{path}.s3", "S3 inputs are not supported here; read the files under /pfs (lazy: true helps)"
            )
        for key, item in value.items():
            _refuse_s3(item, f"{path}.{key}")
