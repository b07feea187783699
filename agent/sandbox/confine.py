"""Puts itself under Landlock and a socket filter, then becomes another program.

A program of its own on the plain standard library. Standard input holds one JSON object:
{abi, read, write, devices, isolate, filters: {isolated, shared}, program}. `isolate` asks for a
network of its own; where that cannot be had, the filter `shared` refuses sockets altogether.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import stat
import struct
import sys
from typing import Any

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
SET_SECCOMP, SET_NO_NEW_PRIVILEGES, DROP_BOUNDING = 22, 38, 24
NEW_USER, NEW_NET = 0x10000000, 0x40000000

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
BIND_AND_CONNECT = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def isolate_network() -> None:
    """A user and a network namespace of its own, loopback up. The ids stay the same."""
    user, group = os.getuid(), os.getgid()
    checked(libc.unshare(NEW_USER | NEW_NET), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        get_flags, set_flags, up = 0x8913, 0x8914, 1
        request = fcntl.ioctl(probe, get_flags, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", request)[1]
        fcntl.ioctl(probe, set_flags, struct.pack("16sH14x", b"lo", flags | up))


def isolation_works() -> bool:
    """Tried in a child first, since half an isolation cannot be taken back."""
    child = os.fork()
    if child == 0:
        try:
            isolate_network()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def drop_privileges() -> None:
    """No capability now or after any exec, whoever we are."""
    checked(libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    for capability in range(64):
        libc.prctl(DROP_BOUNDING, capability, 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    checked(libc.capset(header, struct.pack("6I", *[0] * 6)), "capset")


def handled_rights(abi: int) -> int:
    """Every file right this kernel's Landlock knows."""
    rights = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
    return rights.get(abi, (1 << 16) - 1)


def restrict(plan: dict[str, Any], *, isolated: bool) -> None:
    """From here on: only the plan's paths, no signal to a process outside, no abstract socket
    of one; and where the network is not our own, no TCP."""
    abi, rights = plan["abi"], handled_rights(plan["abi"])
    network = BIND_AND_CONNECT if plan["isolate"] and not isolated else 0
    scoped = ABSTRACT_SOCKETS_AND_SIGNALS
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = struct.pack("QQQ", rights, network, scoped)[:size]
    ruleset = checked(libc.syscall(CREATE_RULESET, attributes, size, 0), "landlock")
    for paths, granted in (
        (plan["read"], EXECUTE | READ_FILE | READ_DIR),
        (plan["write"], rights),
        (plan["devices"], READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEVICE),
    ):
        for path in paths:
            grant(ruleset, path, granted & rights)
    checked(libc.syscall(RESTRICT_SELF, ruleset, 0), "landlock")
    os.close(ruleset)


def grant(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # gone since the plan was made
    try:
        mode = os.fstat(place).st_mode
        if stat.S_ISLNK(mode):
            return  # it may lead anywhere; what it leads to has a grant of its own, or none
        allowed = rights if stat.S_ISDIR(mode) else rights & FILE_RIGHTS
        rule = struct.pack("=Qi", allowed, place)
        checked(libc.syscall(ADD_RULE, ruleset, 1, rule, 0), f"landlock {path}")
    finally:
        os.close(place)


def filter_sockets(code: bytes) -> None:
    """Install a BPF program made by `seccomp.py`."""
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(kept))
    checked(libc.prctl(SET_SECCOMP, 2, program, 0, 0), "seccomp")


def main() -> None:
    plan = json.load(sys.stdin)
    isolated = plan["isolate"] and isolation_works()
    if isolated:
        isolate_network()
    drop_privileges()
    restrict(plan, isolated=isolated)
    kind = "isolated" if isolated or not plan["isolate"] else "shared"
    filter_sockets(bytes.fromhex(plan["filters"][kind]))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execv(plan["program"][0], plan["program"])


if __name__ == "__main__":
    main()
