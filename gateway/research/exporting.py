"""A folder of trajectories as one file for training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.research import sessions
from hermes_home.errors import UsageError
from hermes_home.files import put, scratch_path
from memory import llamafactory
from memory.export import export

FORMATS = ("sharegpt", "llamafactory", "messages", "jsonl")


def write(source: Path, folder: Path, form: str) -> dict[str, Any]:
    """Write FOLDER/<form>.jsonl, whole or not at all, a row for each trajectory in `source`:
    {"file", "rows", "left_out": the files that make no row}. Other datasets that are listed in the
    folder's dataset_info.json stay there."""
    path, listing = folder / f"{form}.jsonl", folder / "dataset_info.json"
    rows, left_out = 0, []
    try:
        listed = _listed(listing) if form == "llamafactory" else {}
        listed["hermes"] = {"file_name": path.name, **llamafactory.INFO}
        folder.mkdir(parents=True, exist_ok=True)
        part = scratch_path(path)
        try:
            with part.open("x", encoding="utf-8") as file:
                for name, trajectory in sessions.read(source):
                    row = export(trajectory, form)
                    if form == "llamafactory" and not json.loads(row)["conversations"]:
                        left_out.append(name)
                        continue
                    file.write(row)
                    rows += 1
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        if form == "llamafactory":
            put(listing, json.dumps(listed, indent=1, ensure_ascii=False).encode() + b"\n", 0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return {"file": str(path), "rows": rows, "left_out": left_out}


def _listed(listing: Path) -> dict[str, Any]:
    """The datasets that a folder holds already. UsageError if that cannot be told."""
    if not listing.exists():
        return {}
    try:
        found = json.loads(listing.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"{listing} is no JSON object", "Mend it, or name another folder: nothing was written."
        )
    return found
