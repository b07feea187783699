"""The system-call filter that decides which kinds of sockets a confined command may make.

Access rules of files do not cover sockets that live in the file system, and a network namespace
does not cover those of the virtual machine's host; a filter on socket(2) covers both.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Collection

UNIX, INET, INET6, NETLINK = 1, 2, 10, 16

_NUMBERS = {
    "x86_64": (0xC000003E, 41),
    "aarch64": (0xC00000B7, 198),
    "riscv64": (0xC00000F3, 198),
}
_IO_URING_SETUP = 425  # it makes sockets without socket(2)
_X32 = 0x40000000  # the same calls by other numbers

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16


def socket_filter(families: Collection[int], machine: str = "") -> bytes:
    """A BPF program that refuses every socket but of these address families; socketpair(2) is
    untouched. Empty for a machine whose call numbers are not known here."""
    known = _NUMBERS.get(machine or platform.machine())
    if known is None:
        return b""
    architecture, socket_call = known
    count = len(families)
    # A jump counts the instructions it leaps over; refusing is the last but one, allowing the last.
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, count + 5, architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, count + 3, 0, _X32),
        (_EQUAL, count + 2, 0, _IO_URING_SETUP),
        (_EQUAL, 0, count + 2, socket_call),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *((_EQUAL, count - index, 0, family) for index, family in enumerate(families)),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
