"""The running Howdah as a wheel, so that any environment can have exactly this one.

Made from the package's own files, whether it was installed or runs from a checkout. The
wheel names no dependencies: `environments` decides what is installed with it.
"""

import base64
import hashlib
import zipfile
from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)


def build(package: Path, version: str, folder: Path, requires: tuple[str, ...] = ()) -> Path:
    """Write `howdah-VERSION+HASH-py3-none-any.whl` into `folder`, unless it is there, and give its path.

    The hash of the files is part of the version, so that installers tell two states apart.
    """
    files = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    whole = hashlib.sha256("\n".join(requires).encode())
    contents: dict[str, bytes] = {}
    for path in files:
        name = f"{package.name}/{path.relative_to(package).as_posix()}"
        contents[name] = path.read_bytes()
        whole.update(name.encode() + b"\0" + hashlib.sha256(contents[name]).digest())
    full = f"{version}+{whole.hexdigest()[:12]}"
    wheel = folder / f"{package.name}-{full}-py3-none-any.whl"
    if wheel.exists():
        return wheel
    info = f"{package.name}-{full}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {full}\n"]
    metadata += [f"Requires-Dist: {requirement}\n" for requirement in requires]
    contents[f"{info}/METADATA"] = "".join(metadata).encode()
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: howdah\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(f"{name},sha256={_hash(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    fresh = wheel.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data)
    fresh.replace(wheel)
    return wheel


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
