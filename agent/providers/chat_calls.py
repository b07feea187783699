"""Tool calls put together from the pieces in which chat servers stream them.

Servers differ: ids come late or not at all, a call comes whole, the index is missing or starts
at 0 again for each call, names and ids are repeated with each piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agent.messages import ToolCall
from agent.providers.chat_json import encode, is_object, mapping, text_of, whole


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)


class CallPieces:
    """The calls of one reply."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int | None, _Call] = {}

    def add(self, pieces: Any) -> None:
        """Take the `tool_calls` list of one chunk."""
        for piece in pieces if isinstance(pieces, list) else []:
            self._add(mapping(piece))

    def size(self) -> int:
        return sum(len(call.name) + len(call.arguments) for call in self._calls)

    def finish(self, used: Iterable[str], seed: bytes, *, cut: bool) -> tuple[ToolCall, ...]:
        """The calls in order, with ids that neither `used` nor another call has.

        cut: the reply ended at the length limit; a call whose arguments are not a whole object
        was being written then and is left out. Made ids follow from `seed`, the request's bytes.
        """
        ids = set(used)
        kept = [call for call in self._calls if not cut or is_object(call.arguments)]
        for position, call in enumerate(kept):
            if not call.id or call.id in ids:
                call.id = _made_id(seed, position)
            ids.add(call.id)
        return tuple(ToolCall(call.id, whole(call.name), whole(call.arguments)) for call in kept)

    def _add(self, piece: dict[str, Any]) -> None:
        index = piece.get("index")
        index = index if isinstance(index, int) else None
        id = whole(text_of(piece.get("id")))
        function = mapping(piece.get("function"))
        name, arguments = text_of(function.get("name")), _written(function.get("arguments"))
        call = self._at.get(index)
        if call is None or (name and _begins_another(call, id, arguments, index)):
            call = self._at[index] = _Call()
            self._calls.append(call)
        elif name and is_object(call.arguments):
            return  # the whole call is sent once more
        call.id = call.id or id
        call.name = call.name or name
        call.pieces.append(arguments)


def _begins_another(call: _Call, id: str, arguments: str, index: int | None) -> bool:
    """Whether a piece with a name, for the index of `call`, is a new call all the same.

    Some servers give each piece of one call another id, but then name the tool only once.
    """
    if id and call.id:
        return id != call.id
    if index is None:
        return True
    return bool(arguments.strip()) and is_object(call.arguments)


def _written(arguments: Any) -> str:
    """A few servers send the object itself instead of its text."""
    return encode(arguments).decode() if isinstance(arguments, dict) else text_of(arguments)


def _made_id(seed: bytes, position: int) -> str:
    return "call_" + hashlib.blake2b(seed + b"%d" % position, digest_size=8).hexdigest()
