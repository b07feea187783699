"""Reasoning that a model writes into its text, told apart while the text streams."""

from __future__ import annotations

from agent.providers.base import Delta

_CLOSERS = {"<think>": "</think>", "<thinking>": "</thinking>"}


class ThoughtFilter:
    """Splits `<think>…</think>` at the start of a text from what follows, in any pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._closer = ""
        self._thought = False
        self._answering = False

    def feed(self, piece: str) -> list[Delta]:
        if self._answering:
            return [Delta(piece)]
        self._held += piece
        deltas: list[Delta] = []
        while self._held and self._step(deltas):
            pass
        return deltas

    def close(self) -> list[Delta]:
        """What was held back in case it became a tag."""
        held, self._held = self._held, ""
        if self._closer:
            return _delta(held, reasoning=True)
        return _delta(held.lstrip() if self._thought else held)

    def _step(self, deltas: list[Delta]) -> bool:
        """Move on by one tag; False when more text is needed first."""
        return self._inside(deltas) if self._closer else self._before(deltas)

    def _before(self, deltas: list[Delta]) -> bool:
        rest = self._held.lstrip()
        for opener, closer in _CLOSERS.items():
            if rest.startswith(opener):
                self._closer = closer
                self._held = rest[len(opener) :].lstrip("\n")
                return True
        if any(opener.startswith(rest) for opener in _CLOSERS):
            return False
        self._answering = True
        deltas.append(Delta(rest if self._thought else self._held))
        self._held = ""
        return False

    def _inside(self, deltas: list[Delta]) -> bool:
        thought, found, after = self._held.partition(self._closer)
        if found:
            deltas += _delta(thought, reasoning=True)
            self._held, self._closer, self._thought = after, "", True
            return True
        keep = _overlap(self._held, self._closer)
        cut = len(self._held) - keep
        deltas += _delta(self._held[:cut], reasoning=True)
        self._held = self._held[cut:]
        return False


def split_unopened(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a text whose opening tag was part of the prompt.

    Only a closing tag on a line of its own and outside a code block counts, so that an answer
    may speak about the tag.
    """
    fenced = False
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and line.strip() in _CLOSERS.values():
            return "".join(lines[:number]).strip(), "".join(lines[number + 1 :]).lstrip()
    return "", text


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)


def _delta(text: str, *, reasoning: bool = False) -> list[Delta]:
    return [Delta(text, reasoning=reasoning)] if text else []
