"""Files for any web server: the well-known index, and beside it what it names.

Each text lies under its own hash, and the index is replaced last and in one step: whoever reads it
meanwhile finds what it names.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.sharing.publishers.base import Publication
from hermes_home.errors import HermesError, UsageError
from hermes_home.files import put
from skills.sharing.index import PLACE, Listed, with_entry
from skills.sharing.package import Files
from skills.sharing.packing import packed
from skills.skill import SKILL_FILE

if TYPE_CHECKING:
    from gateway.app import App


async def publish(app: App, wanted: Publication) -> dict[str, Any]:
    """Write it below `output`, the server's top folder."""
    if not wanted.output.startswith("/"):
        raise UsageError("a folder is needed, the top of what the server shows", "--output DIR")
    name = wanted.skill.name
    data, file, kind = await asyncio.to_thread(_artifact, wanted.files, name)
    digest = hashlib.sha256(data).hexdigest()
    index = Path(wanted.output) / PLACE
    url = f"{name}/{digest[:16]}/{file}"
    listed = Listed(name, wanted.skill.description, kind, url, f"sha256:{digest}")
    try:
        text = with_entry(index.read_bytes() if index.exists() else None, listed)
        if wanted.do:
            _write(index, url, data, text)
    except OSError as error:
        raise HermesError(f"{wanted.output}: {error}", "name a folder you can write to") from error
    return {
        "index": str(index),
        "url": url,
        "digest": listed.digest,
        "bytes": len(data),
        "done": wanted.do,
    }


def _artifact(files: Files, name: str) -> tuple[bytes, str, str]:
    """What is published, what it is called, and its type."""
    if list(files) == [SKILL_FILE]:
        return files[SKILL_FILE].data, SKILL_FILE, "skill-md"
    return packed(files), f"{name}.tar.gz", "archive"


def _write(index: Path, url: str, data: bytes, text: bytes) -> None:
    """Not in a thread: two at once would each take the other's entry out of the index."""
    target = index.parent / url
    target.parent.mkdir(parents=True, exist_ok=True)
    put(target, data, 0o644)
    put(index, text, 0o644)
    for old in target.parent.parent.iterdir():
        if old != target.parent and old.is_dir() and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
