"""A change kept as the lines that differ: the file gives back what was there before and after."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.events import FileChange
from agent.learning.file_parts import shortened, whole

text = st.text("ab\n§\r", max_size=14)


@given(text, text, text)
def test_either_side_gives_the_whole_change_and_anything_else_nothing(
    before: str, after: str, other: str
) -> None:
    change = FileChange("memories/MEMORY.md", before, after)
    kept = shortened(change)
    assert whole(kept, before) == change or before == after
    assert whole(kept, after) == change
    if other not in (before, after):
        assert whole(kept, other) is None
    assert whole(kept, None) is None


def test_only_the_entry_that_changed_is_kept() -> None:
    entries = [f"fact {number}" for number in range(5_000)]
    before = "\n§\n".join(entries) + "\n"
    for after, old, new in (
        (before + "§\nnew\n", "", "§\nnew\n"),
        (before.replace("fact 7\n§\n", ""), "fact 7\n§\n", ""),
        (before.replace("fact 7\n", "fakt 7\n"), "fact 7\n", "fakt 7\n"),
        (before.replace("fact 0\n§\n", ""), "fact 0\n§\n", ""),
    ):
        kept = shortened(FileChange("m", before, after))
        assert (kept.before, kept.after) == (old, new)
        assert whole(kept, after) == FileChange("m", before, after)


def test_a_file_that_comes_or_goes_is_kept_whole() -> None:
    for change in (FileChange("m", None, "one\n"), FileChange("m", "one\n", None)):
        assert shortened(change) == change
        assert whole(change, "anything") == change
