"""A change of a long file kept as the lines that differ, and made whole again from the file."""

from __future__ import annotations

import hashlib

from agent.events import FileChange, Part


def shortened(file: FileChange) -> FileChange:
    """The same change without the lines both texts begin and end with. Unlike those it cannot be
    told what a file held that holds something else by now."""
    before, after = file.before, file.after
    if file.part or file.kept or before is None or after is None:
        return file
    start = before.rfind("\n", 0, _common(before, after)) + 1
    end = _common_lines(before[start:], after[start:])
    part = Part(start, digest(before), digest(after))
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    return FileChange(file.path, old, new, part)


def whole(file: FileChange, now: str | None) -> FileChange | None:
    """The change with whole texts; `now` is what the file holds. None if that is neither what was
    there before the change nor what it left."""
    if file.part is None:
        return file
    if now is None:
        return None
    start, before, after = file.part.start, file.before or "", file.after or ""
    hash = digest(now)
    if hash == file.part.after:
        return FileChange(file.path, _spliced(now, start, after, before), now)
    if hash == file.part.before:
        return FileChange(file.path, now, _spliced(now, start, before, after))
    return None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _spliced(text: str, start: int, old: str, new: str) -> str:
    return text[:start] + new + text[start + len(old) :]


def _common_lines(one: str, other: str) -> int:
    """How many characters two texts end with alike, counted from the beginning of a line."""
    same = _common(one[::-1], other[::-1])
    if all(len(text) == same or text[-same - 1] == "\n" for text in (one, other)):
        return same
    end = one[len(one) - same :]
    return len(end) - end.index("\n") - 1 if "\n" in end else 0


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike. Compared in halves, because that is done
    without a loop over characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
