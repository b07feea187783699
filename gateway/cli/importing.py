"""`hermes import`: a home from a backup, or what another program's home holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.cli import start as starting
from gateway.cli.arguments import Arguments
from gateway.cli.backup import owning
from gateway.cli.output import note, show_json
from gateway.cli.start import connect
from gateway.cli.wire import NotListening
from hermes_home.errors import StoreError, UsageError
from hermes_home.guard import check_home, seed
from hermes_home.paths import Home
from hermes_home.restore import in_use, require_fresh, restore
from hermes_home.unpacking import read_about
from memory.backup import admit, has_events
from memory.database import SCHEMA_VERSION


def main(arguments: Arguments) -> int:
    """`import FILE` and `import backup FILE` are one; a folder is another program's home."""
    words = arguments.words[1:] if arguments.word(0) == "backup" else arguments.words
    if len(words) != 1:
        raise UsageError("import takes one file or folder", "usage: hermes import FILE|FOLDER")
    path = Path(words[0]).expanduser().absolute()
    if path.is_dir():
        from gateway.cli import foreign

        return foreign.main(arguments, path)
    if arguments.on("secrets") or arguments.on("dry-run"):
        raise UsageError("--secrets and --dry-run are for another program's home")
    told = put_back(Home(Path(arguments.home)), path)
    if arguments.on("json"):
        show_json(told)
    else:
        print(f"{told['home']}: put in place from {path}, made {told['created']}")
        if not told["secrets"]:
            note(f"the backup holds no keys; put them into {told['home']}/.env")
    return 0


def put_back(home: Home, file: Path) -> dict[str, Any]:
    """Restore a backup into a fresh home; what it was."""
    check_schema(read_about(file).schema, file)
    check_home(home)
    require_fresh(home)
    _stop_idle(home)
    seed(home)
    with owning(home):
        require_fresh(home)
        if has_events(home):
            raise in_use(home, "it has sessions")
        about = restore(home, file, admit)
    return {"home": str(home.root), "file": str(file), **asdict(about)}


def check_schema(schema: int, file: Path) -> None:
    """StoreError for a backup from a newer program."""
    if schema > SCHEMA_VERSION:
        raise StoreError(
            f"{file} has schema {schema}; this program knows up to {SCHEMA_VERSION}",
            "install the version of Hermes that made it, or a newer one",
        )


def _stop_idle(home: Home) -> None:
    """Stop the daemon of a home in which nothing happened yet."""
    try:
        with connect(str(home.root), spawn=False) as wire:
            if wire.get("/api/status")["sessions"]:
                raise in_use(home, "it has sessions")
    except NotListening:
        return
    starting.stop(str(home.root))
