"""Long pastes: a mark stands for them while a line is edited, so that editing stays quick."""

from __future__ import annotations

LONGEST = 2000
"""Characters that are put into the line as they are."""
MOST_LINES = 20


class Pastes:
    """The long texts pasted so far."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def take(self, text: str) -> str:
        """What to put into the line: the text itself, or its mark."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) <= LONGEST and text.count("\n") < MOST_LINES:
            return text
        mark = f"[pasted {len(self._texts) + 1}: {len(text):,} characters]"
        self._texts[mark] = text
        return mark

    def marks_in(self, text: str) -> list[str]:
        return [mark for mark in self._texts if mark in text]

    def expand(self, text: str) -> str:
        for mark in self.marks_in(text):
            text = text.replace(mark, self._texts[mark])
        return text
