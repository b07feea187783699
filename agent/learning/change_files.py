"""The files of a learned change: written all or none, also over a crash; and taken back."""

from __future__ import annotations

from collections.abc import Sequence

from agent.events import FileChange
from agent.learning.file_parts import whole
from hermes_home.errors import ChangeRefused
from hermes_home.history import History
from hermes_home.paths import Home

Files = Sequence[FileChange]


class ChangeFiles:
    """Used by the door only, one change at a time."""

    def __init__(self, home: Home, history: History) -> None:
        self._home = home
        self._history = history

    def write(self, files: Files) -> bool:
        """Write all files or none; False if one was not what it was planned on."""
        done: list[FileChange] = []
        try:
            for file in map(self._whole, files):
                if file is None or not self._history.replace(file.path, file.before, file.after):
                    break
                done.append(file)
        finally:
            if len(done) < len(files):
                self._put_back(done)
        return len(done) == len(files)

    def complete(self, files: Files) -> bool:
        """Whether a change that a crash cut short was made. If some of its files were written and
        nobody has touched the others, they are written now; else those are put back."""
        written = [file for file in files if self._written(file)]
        missing = [file for file in files if file not in written]
        if not written or self.write(missing):
            return bool(written)
        self._put_back(written)
        return False

    def hold(self, path: str, files: Files) -> bool:
        """Whether the file at `path` is one of these, as the change left it."""
        return any(file.path == path and self._written(file) for file in files)

    def again(self, files: Files) -> tuple[FileChange, ...]:
        """The same change once more; ChangeRefused if it was planned on other files."""
        wholes = [self._whole(file) for file in files]
        for file, found in zip(files, wholes, strict=True):
            if found is None or self._text(file) != found.before:
                raise ChangeRefused(
                    f"{file.path} is not what it was when this was planned",
                    "Reject it, or make the change by hand.",
                )
        return tuple(filter(None, wholes))

    def reverse(self, files: Files) -> tuple[FileChange, ...]:
        """What takes the change back; ChangeRefused if something else was written since."""
        reversed_files = []
        for file in files:
            found = self._whole(file)
            if found is None or self._text(file) != found.after:
                raise ChangeRefused(f"{file.path} has changed since", "Edit it by hand.")
            reversed_files.append(FileChange(file.path, found.after, found.before))
        return tuple(reversed_files)

    def _written(self, file: FileChange) -> bool:
        found = self._whole(file)
        return found is not None and self._text(file) == found.after

    def _put_back(self, files: Files) -> None:
        for file in map(self._whole, reversed(files)):
            if file is not None:
                self._history.replace(file.path, file.after, file.before)

    def _whole(self, file: FileChange) -> FileChange | None:
        return whole(file, self._text(file)) if file.part else file

    def _text(self, file: FileChange) -> str | None:
        try:
            data = (self._home.root / file.path).read_bytes()
        except OSError:
            return None
        return data.decode("utf-8", "surrogateescape")
