"""The files of a learned change: written all or none, also over a crash; and taken back."""

from __future__ import annotations

import stat
from collections.abc import Sequence

import msgspec

from agent.events import FileChange
from agent.learning.file_parts import digest, whole
from hermes_home.errors import ChangeRefused, NotSaved
from hermes_home.files import create, make_folders
from hermes_home.history import History
from hermes_home.paths import Home

Files = Sequence[FileChange]

INLINE = 256 * 1024
"""Characters of one change's texts that the journal holds itself."""


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
                if file is None or not self._put(file.path, file.before, file.after, file.runs):
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
            back = FileChange(file.path, found.after, found.before, runs=file.runs)
            reversed_files.append(back)
        return tuple(reversed_files)

    def kept(self, files: Files) -> tuple[FileChange, ...]:
        """The same files as the journal holds them: what is no text, and what would be too much of
        it, lies below files/ under its hash from now on."""
        found, room = [], INLINE
        for file in map(self._marked, files):
            texts = [text for text in (file.before, file.after) if text is not None]
            room -= (size := sum(map(len, texts)))
            if room >= 0 and all(map(_is_text, texts)):
                found.append(file)
            else:
                room += size
                names = {"before": self._keep(file.before), "after": self._keep(file.after)}
                found.append(msgspec.structs.replace(file, kept=True, **names))
        return tuple(found)

    def _written(self, file: FileChange) -> bool:
        found = self._whole(file)
        return found is not None and self._text(file) == found.after

    def _put_back(self, files: Files) -> None:
        for file in map(self._whole, reversed(files)):
            if file is not None:
                self._put(file.path, file.after, file.before, file.runs)

    def _put(self, path: str, before: str | None, after: str | None, runs: bool) -> bool:
        return self._history.replace(path, before, after, runs=runs)

    def _whole(self, file: FileChange) -> FileChange | None:
        if file.kept:
            return self._fetched(file)
        return whole(file, self._text(file)) if file.part else file

    def _marked(self, file: FileChange) -> FileChange:
        """The same, with whether it runs now: so does it when the change is taken back."""
        if file.runs or file.before is None:
            return file
        try:
            runs = bool((self._home.root / file.path).stat().st_mode & stat.S_IXUSR)
        except OSError:
            return file
        return msgspec.structs.replace(file, runs=runs) if runs else file

    def _keep(self, text: str | None) -> str | None:
        if text is None:
            return None
        name = digest(text)
        try:
            make_folders(self._home.files)
            create(self._home.files / name, text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise NotSaved(f"not saved: {error.strerror}", "free some space") from error
        return name

    def _fetched(self, file: FileChange) -> FileChange | None:
        """The change with its texts; None if one is not below files/ any more."""
        try:
            before, after = (
                name if name is None else _decoded((self._home.files / name).read_bytes())
                for name in (file.before, file.after)
            )
        except OSError:
            return None
        return FileChange(file.path, before, after, runs=file.runs)

    def _text(self, file: FileChange) -> str | None:
        try:
            data = (self._home.root / file.path).read_bytes()
        except OSError:
            return None
        return _decoded(data)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
