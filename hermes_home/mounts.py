"""Which folders lie on a network file system, where SQLite's locks cannot be trusted."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "lustre",
        "beegfs",
        "davfs",
        "fuse.sshfs",
    }
    | {"fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.davfs2", "fuse.glusterfs", "fuse.ceph"}
)


def network_kind(folder: Path, mountinfo: Path = MOUNTINFO) -> str:
    """The kind of network file system that `folder` (absolute, links resolved) is on; empty if it
    is a local one or nobody can say. Windows drives inside WSL2 count; they are mounted by 9p."""
    kind, length = "", -1
    for point, found in _mounts(mountinfo):
        if folder.is_relative_to(point) and len(point.parts) >= length:
            kind, length = found, len(point.parts)  # of two mounts on one point the later is on top
    return kind


def _mounts(mountinfo: Path) -> list[tuple[Path, str]]:
    try:
        lines = mountinfo.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [mount for line in lines if (mount := _mount(line)) is not None]


def _mount(line: str) -> tuple[Path, str] | None:
    """`36 35 98:0 /root /point options… - type source superoptions` (see proc(5))."""
    left, separator, right = line.partition(" - ")
    fields, types = left.split(" "), right.split(" ")
    if not separator or len(fields) < 5:
        return None
    point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
    windows = types[0] == "9p" and "aname=drvfs" in right
    return Path(point), types[0] if windows or types[0] in _NETWORK else ""
