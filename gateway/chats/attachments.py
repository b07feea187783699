"""Files people send: fetched within bounds, kept by content, and told to the model as they are."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gateway.channels.base import Attachment, Channel, ChannelError, Delayed
from hermes_home.files import give_name, make_folders, scratch_path, sync_folder
from hermes_home.paths import Home

MOST_BYTES = 20_000_000
FETCH_SECONDS = 60.0
"""For one file, all its tries together."""
TRIES = 3
NAME_CHARS = 100

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
_IN_ZIP = {".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub", ".jar"}


class Fetched(NamedTuple):
    """`line`: what the model is told; `file`: its name below files/, empty if it did not come."""

    line: str
    file: str


async def fetch(channel: Channel | None, attachment: Attachment, home: Home) -> Fetched:
    """The file, or a stated failure; never raises but when it is cancelled."""
    name = _shown(attachment.name)
    try:
        if channel is None:
            raise ChannelError("the channel is not connected")
        if attachment.size > MOST_BYTES:
            raise ChannelError(
                f"it has {attachment.size:,} bytes, at most {MOST_BYTES:,} are taken"
            )
        async with asyncio.timeout(FETCH_SECONDS):
            file, size, head = await _persistently(channel, attachment, home)
    except TimeoutError:
        why = f"it did not come within {FETCH_SECONDS:.0f} s"
    except (ChannelError, OSError) as error:
        why = str(error).splitlines()[0]
    else:
        path = home.files / file
        return Fetched(f"[attachment: {name}, {kind_of(head, name)}, {size:,} bytes, {path}]", file)
    return Fetched(f"[attachment: {name} could not be fetched: {why}]", "")


async def _persistently(
    channel: Channel, attachment: Attachment, home: Home
) -> tuple[str, int, bytes]:
    for attempt in range(1, TRIES + 1):
        try:
            return await _once(channel, attachment, home)
        except Delayed as told:
            await asyncio.sleep(told.seconds)
        except _TooLarge:
            raise
        except ChannelError:
            if attempt == TRIES:
                raise
            await asyncio.sleep(attempt * 0.5)
    raise ChannelError("the platform kept asking to wait")


class _TooLarge(ChannelError):
    """More bytes than are taken, whatever was promised."""


async def _once(channel: Channel, attachment: Attachment, home: Home) -> tuple[str, int, bytes]:
    """(name below files/, bytes, the first of them)."""
    make_folders(home.files)
    staged = scratch_path(home.files / "attachment")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            digest, size, head = await _copy(channel, attachment, file)
            await asyncio.to_thread(_settle, file)
        if not size and attachment.size:
            raise ChannelError("not a single byte of it came")
        give_name(staged, home.files / digest)
        await asyncio.to_thread(sync_folder, home.files)
    finally:
        staged.unlink(missing_ok=True)
    return digest, size, head


async def _copy(channel: Channel, attachment: Attachment, file: BinaryIO) -> tuple[str, int, bytes]:
    digest, size, head = hashlib.sha256(), 0, b""
    async for piece in channel.fetch(attachment):
        size += len(piece)
        if size > MOST_BYTES:
            raise _TooLarge(f"it has more than {MOST_BYTES:,} bytes, the most that are taken")
        digest.update(piece)
        head = head if len(head) >= 4096 else head + piece[:4096]
        file.write(piece)
    return digest.hexdigest(), size, head


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def kind_of(head: bytes, name: str) -> str:
    """The type by the bytes; the name only says which kind of text or of archive it is."""
    guessed = mimetypes.guess_type(name)[0] or ""
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            inner = kind == "application/zip" and Path(name).suffix.lower() in _IN_ZIP
            return guessed if inner and guessed else kind
    if not head:
        return "empty"
    if _is_text(head):
        textual = guessed.startswith("text/") or guessed.endswith(("json", "xml", "yaml"))
        return guessed if textual else "text/plain"
    return "application/octet-stream"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) >= 4096
    return True


def _shown(name: str) -> str:
    """A name as one short line; what a stranger may have put into it is no order and no path."""
    plain = "".join(sign if sign.isprintable() and sign not in "[]" else "_" for sign in name)
    return plain[:NAME_CHARS] or "without a name"
