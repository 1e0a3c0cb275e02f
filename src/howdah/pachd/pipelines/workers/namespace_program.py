"""Builds a sandbox out of namespaces where bubblewrap is not installed, then becomes its init.

Run as `python -I -S namespace_program.py INIT ROOT` with the mounts as JSON on standard
input. ROOT is an empty folder to build in. Steps: new mount, process and IPC namespaces (and
a user namespace, unless root may do without), the tree under ROOT, pivot into it, drop every
capability for good, and run INIT's source as process 1. Needs Linux 5.12 (mount_setattr).
"""

import ctypes
import json
import os
import select
import signal
import sys

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_PRIVATE, MNT_DETACH = 1 << 18, 2
AT_FDCWD, AT_RECURSIVE, SYS_MOUNT_SETATTR, SYS_PIVOT_ROOT = -100, 0x8000, 442, {"x86_64": 155, "aarch64": 41}
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 28, 38, 47
SECURE_ALL_LOCKED = 0x2F  # no root, no setuid fixup, both locked, and no keeping of capabilities
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

CONTROL = 3

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    init, root = sys.argv[1:3]
    with open(init) as file:
        source = compile(file.read(), init, "exec")
    tree = json.load(sys.stdin)
    isolate()
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(reader)
        watch(child)
    os.close(writer)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Across the border of a process namespace the parent shows as 0, dead or alive.
    if select.select([reader], [], [], 0)[0]:
        os._exit(127)
    os.close(reader)
    build(root, tree)
    drop_capabilities()
    exec(source, {"__name__": "__main__"})
    os._exit(0)


def isolate() -> None:
    uid, gid = os.getuid(), os.getgid()
    spaces = os.CLONE_NEWNS | os.CLONE_NEWPID | os.CLONE_NEWIPC
    try:
        os.unshare(spaces)
        return
    except PermissionError:
        os.unshare(spaces | os.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def watch(child: int) -> None:
    for fd in (0, 1, 2, CONTROL):  # their ends must show when the sandbox ends
        os.close(fd)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF if os.WIFEXITED(status) else 128)


def build(root: str, tree: list[dict[str, object]]) -> None:
    mount("none", "/", "", MS_PRIVATE | MS_REC)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for entry in tree:
        place(root, entry)
    os.chdir(root)
    os.mkdir(".old")
    number = SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise SystemExit(f"no sandbox without bubblewrap on {os.uname().machine}")
    check(libc.syscall(number, b".", b".old"), "pivot_root")
    os.chdir("/")
    check(libc.umount2(b"/.old", MNT_DETACH), "umount of the old root")
    os.rmdir("/.old")
    set_attributes("/", ATTR_RDONLY, recursive=False)


def place(root: str, entry: dict[str, object]) -> None:
    kind, target = entry["kind"], root + str(entry["target"]).rstrip("/")
    source, writable = str(entry["source"]), bool(entry["writable"])
    if kind == "symlink":
        os.symlink(source, target)
    elif kind == "bind":
        if not os.path.lexists(target):
            if os.path.isdir(source):
                os.makedirs(target)
            else:
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        mount(source, target, "", MS_BIND | MS_REC)
        attributes = ATTR_NOSUID | (ATTR_NODEV if writable else ATTR_NODEV | ATTR_RDONLY)
        set_attributes(target, attributes, recursive=True)
    elif kind == "tmpfs":
        os.makedirs(target, exist_ok=True)
        mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=755,size={entry['size_bytes']}")
    elif kind == "proc":
        os.makedirs(target, exist_ok=True)
        mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    elif kind == "dev":
        make_dev(target)
    elif kind == "seal" and entry["target"] != "/":  # the root itself is sealed last of all
        set_attributes(target, ATTR_RDONLY, recursive=False)


def make_dev(target: str) -> None:
    os.makedirs(target, exist_ok=True)
    mount("tmpfs", target, "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            os.close(os.open(f"{target}/{name}", os.O_CREAT | os.O_WRONLY))
            mount(f"/dev/{name}", f"{target}/{name}", "", MS_BIND)
    os.symlink("/proc/self/fd", f"{target}/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{target}/{name}")
    os.mkdir(f"{target}/pts")
    mount("devpts", f"{target}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", f"{target}/ptmx")


def drop_capabilities() -> None:
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "dropping a capability")
    check(libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0), "clearing ambient capabilities")
    check(libc.prctl(PR_SET_SECUREBITS, SECURE_ALL_LOCKED, 0, 0, 0), "securebits")
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = [word.encode() or None for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {target}: {os.strerror(number)}")


def set_attributes(path: str, attributes: int, recursive: bool) -> None:
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    result = libc.syscall(
        SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, ctypes.byref(wanted), ctypes.sizeof(wanted)
    )
    check(result, f"making {path} read-only")


def check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
