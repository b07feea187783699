"""What a sandbox shows, hides and lets write: the same for every way of confining."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.policy import is_inside, own_homes, writable_workspace
from agent.secret_files import secret_places
from hermes_home.paths import Home

INSIDE = Path(__file__).with_name("inside.py")
CONFINE = Path(__file__).with_name("confine.py")
PYTHON = Path(sys.executable).resolve()

Kind = Literal["hidden", "readable", "writable"]

_SHARED = ("/tmp", "/var/tmp", "/run", "/var/run")
_OBEYED = ("hooks", "config")  # git runs what these name, also when the owner calls it
_KEPT = (
    "/run/systemd/resolve/stub-resolv.conf",
    "/run/systemd/resolve/resolv.conf",
    "/run/NetworkManager/resolv.conf",
    "/run/resolvconf/resolv.conf",
    "/run/current-system",
    "/run/opengl-driver",
)


@dataclass(frozen=True)
class Places:
    """Real paths that exist. Where one lies in another the deeper one counts; what is in none can
    be read.

    hidden: neither read nor written. readable: shown although a hidden place holds them.
    writable: may be written. fixed: in a writable place and still not to be written, where the
    way of confining can tell.
    """

    hidden: frozenset[Path]
    readable: frozenset[Path]
    writable: frozenset[Path]
    fixed: frozenset[Path]

    def by_depth(self) -> Iterator[tuple[Path, Kind]]:
        """Each place and what it is, the outer ones first. Hidden wins over all."""
        kinds: dict[Path, Kind] = dict.fromkeys(self.readable | self.fixed, "readable")
        kinds |= dict.fromkeys(self.writable, "writable")
        kinds |= dict.fromkeys(self.hidden, "hidden")
        yield from sorted(kinds.items(), key=lambda item: (len(item[0].parts), item[0]))

    def between(self, root: Path) -> list[Path]:
        """The folders below a writable one that hold a place which is not to be written: to move
        such a folder away would uncover the place, so that what moves folders has to hold them."""
        held = {
            folder
            for place in self.hidden | self.readable | self.fixed
            for folder in place.parents
            if folder != root and is_inside(folder, root)
        }
        return sorted(held, key=lambda folder: len(folder.parts))


def session_places(
    home: Home,
    workspace: Path,
    writable: Sequence[Path],
    readable: Sequence[Path],
    user_home: Path | None = None,
    *,
    hidden_too: Sequence[Path] = (),
) -> Places:
    """Hidden: what holds secrets, sockets and other programs' temporary files, the home, and
    `hidden_too`.
    Writable: the workspace, if it is one that may be, and the folders of the settings."""
    user_home = user_home or Path.home()
    hidden = _real([*map(Path, _SHARED), *own_homes(home), *secret_places(user_home)])
    shown = [*readable, home.skills, home.files, user_home, Path(sys.base_prefix), PYTHON, INSIDE]
    written = list(writable)
    if writable_workspace(home, workspace, user_home):
        written.append(workspace)
    elif not _own(home, workspace.resolve()):
        shown.append(workspace)
    open_places = frozenset(path for path in _real(written) if not _own(home, path))
    return Places(
        hidden=hidden | _real(hidden_too),
        readable=frozenset(
            path
            for path in _real([*shown, *map(Path, _KEPT)])
            if _innermost(path, hidden | open_places) in hidden
        ),
        writable=open_places,
        fixed=_real([workspace / ".git" / name for name in _OBEYED]),
    )


def _innermost(path: Path, places: frozenset[Path]) -> Path | None:
    around = [place for place in places if is_inside(path, place)]
    return max(around, key=lambda place: len(place.parts), default=None)


def _own(home: Home, path: Path) -> bool:
    return any(is_inside(path, root) for root in own_homes(home))


def _real(paths: Iterable[Path]) -> frozenset[Path]:
    found = (path.expanduser().resolve() for path in paths if path.expanduser().exists())
    return frozenset(path for path in found if path != Path("/"))
