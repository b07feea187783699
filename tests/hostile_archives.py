"""Archives made to get out of the folder they are unpacked into, or to fill the disk, by rule."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator

SKILL = b"---\nname: evil\ndescription: A skill for tests.\n---\n\nDo it.\n"
SWOLLEN = 40 * 1024 * 1024

NAMES = (
    *("../out", "a/../../out", "a/b/../../../out", "./../out", "..", "a/..", "SKILL.md/../../out"),
    *("/out", "//out", "/etc/cron.d/out", "C:/out", "c:out", "..\\out", "a\\..\\..\\out", "a\\b"),
    *("a//b", "a/./b", "x\ny", "x\x01y", "x\x7fy", "a\u202egpj.exe", "a\u200bb", "tag\U000e0041"),
    *("d/" * 12 + "deep", "n" * 230, "/".join(["p" * 150] * 4)),
)
"""Names no file of a skill may have."""
HARMLESS = (
    "%2e%2e/out",
    "~/.bashrc",
    "\uff0e\uff0e/out",
    "․․/out",
    ".git/config",
    "a/.GIT/hooks/x",
)
"""Names that look like it, and stay below the folder or are left out."""

Case = tuple[str, bytes, bool]
"""What it is, the archive, and whether it must be refused."""


def zipped(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def tarred(*entries: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for entry, data in entries:
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def plain(name: str, data: bytes = b"out", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    return entry, data


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b""


OWN = plain("SKILL.md", SKILL)


def cases() -> Iterator[Case]:
    """Well over eighty."""
    for name in (*NAMES, *HARMLESS):
        must = name in NAMES
        yield f"zip {name[:20]!r}", zipped(("SKILL.md", SKILL), (name, b"out")), must
        yield f"tar {name[:20]!r}", tarred(OWN, plain(name)), must
        yield f"gnu {name[:20]!r}", tarred(OWN, plain(name), format=tarfile.GNU_FORMAT), must
    for name, make in {**TARS, **ZIPS, **BROKEN}.items():
        yield name, make(), True
    yield "setuid", gzip.compress(tarred(OWN, plain("x", mode=0o6755))), False


def _links() -> Iterator[tuple[str, tuple[tarfile.TarInfo, bytes]]]:
    for target in ("/etc/passwd", "../../out", "SKILL.md", "."):
        yield f"symlink to {target}", special("link", tarfile.SYMTYPE, target)
        yield f"hard link to {target}", special("link", tarfile.LNKTYPE, target)
    for name, kind in (("fifo", tarfile.FIFOTYPE), ("char", tarfile.CHRTYPE)):
        yield name, special(name, kind)
    yield "block", special("block", tarfile.BLKTYPE)
    yield "unknown type", special("odd", b"Z")


TARS: dict[str, Callable[[], bytes]] = {
    f"tar {name}": (lambda entry=entry: tarred(OWN, entry)) for name, entry in _links()
} | {
    "tar through a linked folder": lambda: tarred(
        OWN, special("d", tarfile.SYMTYPE, "/tmp"), plain("d/out")
    ),
    "tar folder that leads out": lambda: tarred(OWN, special("../d", tarfile.DIRTYPE)),
    "tar twice": lambda: tarred(OWN, plain("a"), plain("a", b"other")),
    "tar in two cases": lambda: tarred(OWN, plain("Read.md"), plain("README/x"), plain("read.md")),
    "tar folders in two cases": lambda: tarred(OWN, plain("Docs/a"), plain("docs/b")),
    "tar in two spellings": lambda: tarred(OWN, plain("caf\u00e9"), plain("cafe\u0301")),
    "tar file and folder": lambda: tarred(OWN, plain("a"), plain("a/b")),
    "tar too many": lambda: tarred(OWN, *(plain(f"f{n}", b"") for n in range(5_100))),
    "tar swollen": lambda: gzip.compress(tarred(OWN, plain("x", bytes(SWOLLEN))), 1),
    "gz bomb": lambda: gzip.compress(bytes(SWOLLEN), 1),
    "bz2 bomb": lambda: bz2.compress(bytes(SWOLLEN), 1),
    "xz bomb": lambda: lzma.compress(tarred(OWN, plain("x", bytes(SWOLLEN))), preset=0),
    "sparse": lambda: _sparse(),
    "pax path": lambda: _pax("path", "../../out"),
    "pax link": lambda: _pax("linkpath", "/etc/passwd"),
    "huge size": lambda: _edited(tarred(OWN, plain("x")), 1024 + 124, b"77777777777\0"),
}


def _pax(key: str, value: str) -> bytes:
    entry, data = plain("x") if key == "path" else special("x", tarfile.SYMTYPE)
    entry.pax_headers = {key: value}
    return tarred(OWN, (entry, data))


def _sparse() -> bytes:
    entry, data = plain("x", b"out")
    entry.type = tarfile.GNUTYPE_SPARSE
    return tarred(OWN, (entry, data), format=tarfile.GNU_FORMAT)


def _edited(data: bytes, at: int, new: bytes) -> bytes:
    """With other bytes in a tar's header, and its sum made right."""
    block = at - at % 512
    changed = bytearray(data[:at] + new + data[at + len(new) :])
    changed[block + 148 : block + 156] = b" " * 8
    changed[block + 148 : block + 156] = b"%06o\0 " % sum(changed[block : block + 512])
    return bytes(changed)


def _mode(mode: int, data: bytes = b"/etc/passwd") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("SKILL.md", SKILL)
        entry = zipfile.ZipInfo("x")
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, data)
    return out.getvalue()


def _flagged() -> bytes:
    data = bytearray(zipped(("SKILL.md", SKILL)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def _renamed() -> bytes:
    data = zipped(("SKILL.md", SKILL), ("inner-name", b"out"))
    return data.replace(b"inner-name", b"../../name", 1)


def _lying() -> bytes:
    """The directory says that a file is small; it is not."""
    data = bytearray(zipped(("SKILL.md", SKILL), ("x", bytes(SWOLLEN))))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


def _overlapping() -> bytes:
    """Many names for the same swollen bytes."""
    data = zipped(("SKILL.md", SKILL), ("x0", bytes(SWOLLEN // 2)))
    at, end = data.rindex(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[at:end], bytearray(data[end:])
    entries = b"".join(entry.replace(b"x0", b"x%d" % n) for n in range(1, 9))
    tail[8:12] = struct.pack("<HH", 10, 10)
    tail[12:16] = struct.pack("<I", len(data[:end]) - data.index(b"PK\x01\x02") + len(entries))
    return data[:end] + entries + bytes(tail)


ZIPS: dict[str, Callable[[], bytes]] = {
    "zip symlink": lambda: _mode(stat.S_IFLNK | 0o777),
    "zip fifo": lambda: _mode(stat.S_IFIFO | 0o644),
    "zip char": lambda: _mode(stat.S_IFCHR | 0o644),
    "zip block": lambda: _mode(stat.S_IFBLK | 0o644),
    "zip socket": lambda: _mode(stat.S_IFSOCK | 0o644),
    "zip encrypted": _flagged,
    "zip renamed inside": _renamed,
    "zip lying": _lying,
    "zip overlapping": _overlapping,
    "zip swollen": lambda: zipped(("SKILL.md", SKILL), ("x", bytes(SWOLLEN))),
    "zip in two cases": lambda: zipped(("SKILL.md", SKILL), ("a", b""), ("A", b"")),
    "zip file and folder": lambda: zipped(("SKILL.md", SKILL), ("a", b""), ("a/b", b"")),
    "zip folder that leads out": lambda: zipped(("SKILL.md", SKILL), ("../a/", b"")),
    "zip name with an end": lambda: zipped(("SKILL.md", SKILL), ("xAAAy", b"")).replace(
        b"xAAAy", b"x\0../"
    ),
    "zip too many": lambda: zipped(*((f"f{n}", b"") for n in range(5_100))),
}
BROKEN: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "words": lambda: b"this is no archive " * 40,
    "zip cut": lambda: zipped(("SKILL.md", SKILL), ("x", bytes(9_000)))[:-30],
    "zip wrong sum": lambda: zipped(("SKILL.md", SKILL)).replace(b"PK\x01\x02", b"PK\x01\x03"),
    "gz cut": lambda: gzip.compress(tarred(OWN, plain("x", random.Random(1).randbytes(20_000))))[
        :9_000
    ],
    "gz of nothing": lambda: gzip.compress(b"") + b"\x1f\x8b",
    "tar cut": lambda: tarred(OWN, plain("x", bytes(4_000)))[:2_000],
}
