"""A bench for the built-in model: real files and commands, checkpoints as the loop asks them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.calls import brief
from agent.checkpoint import TOOLS
from agent.messages import Message, ToolCall
from agent.providers.base import Delta, Reply, Request
from agent.providers.offline.provider import Offline

ALL_TOOLS = (
    "shell process read_file write_file patch search_files todo ask memory session_search "
    "skills_list skills_search skill_view skill_manage evaluate"
).split()


def schemas(names: Sequence[str] = ALL_TOOLS) -> bytes:
    return json.dumps([{"type": "function", "function": {"name": name}} for name in names]).encode()


async def unseen(delta: Delta) -> None:
    """Nobody watches."""


async def ask(messages: Sequence[Message], names: Sequence[str] = ALL_TOOLS) -> Reply:
    """One reply of the built-in model to these messages."""
    return await Offline().reply(Request("offline", "SYSTEM", schemas(names), messages), unseen)


def body_of(content: str) -> str:
    return content.split("---\n", 2)[2].strip()


@dataclass
class Call:
    number: int
    call: ToolCall
    status: str
    exit: int | None


@dataclass
class Bench:
    """One session in a folder. `library` holds the texts of skills by name and outlives it."""

    folder: Path
    library: dict[str, str] = field(default_factory=dict)
    every: int = 15
    messages: list[Message] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    learned: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    evaluated: int = 0

    async def say(self, words: str, notes: Sequence[str] = ()) -> str:
        """A run for these words, to its answer; the end is evaluated as well."""
        tail = ["date: Saturday 2026-11-21, Europe/Berlin", f"workspace: {self.folder}"]
        tail += ["notes:", *(f"- {note}" for note in notes)] if notes else []
        tail += [f"skills that match (of 3): {self._catalog()} (skill_view loads one)"]
        text = f"{words}\n\n<context>\n" + "\n".join(tail) + "\n</context>"
        self.messages.append(Message("user", text))
        while True:
            reply = await ask(self.messages)
            self.messages.append(Message("assistant", reply.text, reply.tool_calls))
            if not reply.tool_calls:
                await self.checkpoint()
                return reply.text
            for call in reply.tool_calls:
                self._work(call)
            if len(self.calls) // self.every > self.evaluated // self.every:
                await self.checkpoint()

    def _catalog(self) -> str:
        found = (re.search(r'description: "(.*)"', text) for text in self.library.values())
        pairs = zip(self.library, found, strict=True)
        return "; ".join(f"{name} — {found[1]}" for name, found in pairs if found)

    def _work(self, call: ToolCall) -> None:
        text, exit = self.execute(call)
        status = "failed" if exit else "ok"
        self.calls.append(Call(len(self.calls) + 1, call, status, exit))
        self.messages.append(Message("tool", text, call_id=call.id))

    def execute(self, call: ToolCall) -> tuple[str, int | None]:
        """A tool's text as our tools write it, and a command's exit status."""
        arguments = call.parsed()
        if call.name == "shell":
            return self._shell(arguments["command"])
        if call.name == "skill_view":
            return self._view(arguments["name"]), None
        if call.name == "memory":
            self.notes += arguments["operations"]
        if call.name == "skill_manage":
            self.learned.append(arguments)
            return self._manage(**arguments), None
        return "ok", None

    def noted(self) -> list[str]:
        """The notes as they stand."""
        entries: list[str] = []
        for operation in self.notes:
            if operation["action"] == "replace":
                entries.remove(operation["old_text"])
            entries.append(operation["text"])
        return entries

    def _shell(self, command: str) -> tuple[str, int]:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        )
        output = done.stdout.decode(errors="replace")
        if not done.returncode:
            return output or "(no output)", 0
        return f"{output.rstrip()}\nexit {done.returncode}".lstrip("\n"), done.returncode

    def _view(self, name: str) -> str:
        if name not in self.library:
            return f"there is no skill {name!r}"
        body = body_of(self.library[name])
        return f'<skill name="{name}" dir="/home/skills/{name}">\n{body}\n</skill>'

    def _manage(self, action: str, name: str, **more: str) -> str:
        if action == "create":
            if name in self.library:
                return f"there is a skill {name} already; patch it"
            self.library[name] = more["content"]
        if action == "patch":
            assert self.library[name].count(more["old_text"]) == 1
            self.library[name] = self.library[name].replace(more["old_text"], more["new_text"])
        return "done"

    async def checkpoint(self) -> None:
        """The self-evaluation, as the loop renders it; its messages are not kept."""
        listed = self.calls[self.evaluated :]
        self.evaluated = len(self.calls)
        lines = [
            f"#{one.number} {one.call.name} {brief(one.call.arguments)} -> {one.status}"
            + ("" if one.exit is None else f", exit {one.exit}")
            for one in listed
        ]
        text = (
            "[self-evaluation checkpoint]\nStop and evaluate.\n\nThe user said:\nu1: something\n\n"
            "Calls since the last checkpoint:\n"
            + ("\n".join(lines) or "none")
            + "\n\nSkills that match: skills that match (of 3): "
            + f"{self._catalog()} (skill_view loads one)\nNotes: "
            + ("\n".join(f"- {note}" for note in self.noted()) or "none")
        )
        extra = [Message("user", text)]
        for _ in range(8):
            reply = await ask([*self.messages, *extra])
            extra.append(Message("assistant", reply.text, reply.tool_calls))
            for call in reply.tool_calls:
                assert call.name in TOOLS
                result, _ = self.execute(call)
                extra.append(Message("tool", result, call_id=call.id))
                if call.name == "evaluate":
                    self.evaluations.append(call.parsed())
            if any(call.name == "evaluate" for call in reply.tool_calls):
                return
        raise AssertionError("the checkpoint did not end")
