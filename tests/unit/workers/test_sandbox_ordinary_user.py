"""The attacks again, as a user without any right: user namespaces instead of root's.

Where the tests run as root, this starts them once more as `nobody`, in a mount namespace in
which nobody can reach the interpreter and the sources. Where they do not, the attacks have
run as an ordinary user already, and there is nothing to add.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOBODY = "65534"
ROOT = Path(__file__).parents[3]
# Root's home is closed to others, and the interpreter may live in it: keep only what is needed of it.
PREPARE = """
set -e
stage=$1; shift
mount -t tmpfs -o mode=755 tmpfs "$stage"
mkdir "$stage/home" "$stage/0" "$stage/1" "$stage/2"
chown 65534 "$stage/home"
mount --rbind "$1" "$stage/0"; mount --rbind "$2" "$stage/1"; mount --rbind "$3" "$stage/2"
mount -t tmpfs -o mode=755 tmpfs /root
for number in 0 1 2; do
    [ -e "$1" ] || { mkdir -p "$1"; mount --rbind "$stage/$number" "$1"; }
    shift
done
exec "$@"
"""


@pytest.mark.skipif(os.getuid() != 0, reason="already an ordinary user")
def test_attacks_as_an_ordinary_user() -> None:
    place = Path("/var/lib") / f"howdah-ordinary-{os.getpid()}"
    place.mkdir()
    try:
        result = _run_as_nobody(place)
    finally:
        place.rmdir()
    summary = result.stdout[-3000:] + result.stderr[-1000:]
    assert result.returncode == 0, summary
    assert "passed" in summary
    if shutil.which("bwrap"):
        assert "skipped" not in summary, summary


def _run_as_nobody(place: Path) -> subprocess.CompletedProcess[str]:
    home = place / "home"
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
    again = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long"]
    again += [f"--basetemp={home / 't'}", str(Path(__file__).with_name("test_sandbox_attacks.py"))]
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOWDAH_TEST_FOLDER": str(home),
        "HOME": str(home),
    }
    unshare = shutil.which("unshare")
    assert unshare is not None
    spaces = [unshare, "--mount", "--propagation", "private", "sh", "-c", PREPARE, "sh"]
    needed = [str(place), sys.base_prefix, sys.prefix, str(ROOT)]
    return subprocess.run(
        [*spaces, *needed, *as_nobody, *again], env=env, cwd=ROOT, capture_output=True, text=True
    )
