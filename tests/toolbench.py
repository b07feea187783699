"""Calling tools as the loop does: arguments as JSON text, the effects judged, then the call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent.messages import ToolCall
from agent.policy import Effect
from agent.tools.base import Tool, ToolContext
from agent.tools.toolbox import Outcome, Toolbox
from hermes_home.paths import Home


class ToolBench:
    def __init__(self, home: Home, workspace: Path, tools: Sequence[Tool]) -> None:
        self.workspace = workspace
        self._home = home
        self.toolbox = Toolbox(lambda: tools, self.store)
        self._ids = itertools.count(1)

    def store(self, text: str) -> str:
        name = sha256(text.encode()).hexdigest()
        self._home.files.mkdir(exist_ok=True)
        (self._home.files / name).write_text(text)
        return name

    def context(self) -> ToolContext:
        return ToolContext("s", "r", f"c{next(self._ids)}", self.workspace)

    def judged(self, name: str, **arguments: Any) -> tuple[Tool, dict[str, Any], ToolContext]:
        """A call that passed the gate and has not begun."""
        tool = self.toolbox.get(name)
        assert tool is not None
        accepted = self.toolbox.arguments(tool, ToolCall("c", name, json.dumps(arguments)))
        context = self.context()
        tool.effects(accepted, context)
        return tool, accepted, context

    def effects(self, name: str, **arguments: Any) -> Sequence[Effect]:
        tool, accepted, context = self.judged(name, **arguments)
        return tool.effects(accepted, context)

    async def call(self, name: str, **arguments: Any) -> Outcome:
        return await self.toolbox.execute(*self.judged(name, **arguments))
