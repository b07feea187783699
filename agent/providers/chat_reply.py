"""One reply of a chat-completions server, put together from its chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.messages import Usage
from agent.providers.base import Delta, Reply, Request
from agent.providers.chat_calls import CallPieces
from agent.providers.chat_json import count_of, mapping, text_of, whole
from agent.providers.thinking import ThoughtFilter, split_unopened

_FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filter",
    "safety": "filter",
    "recitation": "filter",
}


class ReplyPieces:
    """Feed it chunks (or one whole answer), show what it returns, then ask for the reply."""

    def __init__(self) -> None:
        self.finish = ""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls = CallPieces()
        self._filter = ThoughtFilter()
        self._usage: dict[str, Any] = {}
        self._model = ""

    def feed(self, chunk: dict[str, Any]) -> list[Delta]:
        """Take one chunk. Returns what it adds to the text and the reasoning."""
        self._model = self._model or whole(text_of(chunk.get("model")))
        choices = chunk.get("choices")
        choice = mapping(choices[0]) if isinstance(choices, list) and choices else {}
        for usage in (
            choice.get("usage"),
            mapping(chunk.get("x_groq")).get("usage"),
            chunk.get("usage"),
        ):
            self._usage = mapping(usage) or self._usage
        self.finish = text_of(choice.get("finish_reason")).lower() or self.finish
        message = mapping(choice.get("delta")) or mapping(choice.get("message"))
        self._calls.add(message.get("tool_calls"))
        return self._keep(list(self._said(message)))

    def close(self) -> list[Delta]:
        """Take the end of the stream. Returns text that was held back."""
        return self._keep(self._filter.close())

    def reply(self, request: Request, sent: bytes) -> Reply:
        """The whole reply to `request`, whose bytes are `sent`.

        finish `length`: the reply was cut, and a call that was being written is left out; whole
        calls before it are kept.
        """
        finish = _FINISHES.get(self.finish, "stop")
        used = [call.id for said in request.messages if said.tool_calls for call in said.tool_calls]
        calls = self._calls.finish(used, sent, cut=finish == "length")
        text = whole("".join(self._text))
        reasoning = whole("".join(self._reasoning)).strip()
        if not reasoning:
            reasoning, text = split_unopened(text)
        if calls and finish == "stop":
            finish = "tool_calls"
        usage = self._tokens(sent)
        return Reply(text, reasoning, calls, usage, self._model or request.model, finish)

    def _said(self, message: dict[str, Any]) -> Iterator[Delta]:
        thought = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
        if thought:
            yield Delta(thought, reasoning=True)
        content = message.get("content")
        if isinstance(content, str) and content:
            yield from self._filter.feed(content)
        elif isinstance(content, list):
            for part in content:
                yield from self._part(mapping(part))

    def _part(self, part: dict[str, Any]) -> Iterator[Delta]:
        """Some servers send content as typed parts, reasoning among them as a list of texts."""
        if part.get("type") == "thinking":
            inner = part.get("thinking")
            texts = inner if isinstance(inner, list) else [{"text": inner}]
            joined = "".join(text_of(mapping(item).get("text")) for item in texts)
            yield from [Delta(joined, reasoning=True)] if joined else []
        elif text := text_of(part.get("text")):
            yield from self._filter.feed(text)

    def _keep(self, deltas: list[Delta]) -> list[Delta]:
        for delta in deltas:
            (self._reasoning if delta.reasoning else self._text).append(delta.text)
        return deltas

    def _tokens(self, sent: bytes) -> Usage:
        """The server's count, or 4 bytes sent and 4 characters written to a token."""
        prompt = count_of(self._usage.get("prompt_tokens"))
        completion = count_of(self._usage.get("completion_tokens"))
        if prompt:
            return Usage(prompt, completion, min(prompt, _cached(self._usage)))
        written = sum(map(len, self._text)) + sum(map(len, self._reasoning)) + self._calls.size()
        return Usage(len(sent) // 4, completion or (written + 3) // 4, estimated=True)


def _cached(usage: dict[str, Any]) -> int:
    details = mapping(usage.get("prompt_tokens_details"))
    for value in (
        details.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),
        usage.get("cached_tokens"),
    ):
        if count := count_of(value):
            return count
    return 0
