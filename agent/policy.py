"""The one gate before every effect: allow, ask the owner, or deny."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import category

import msgspec

from agent.secret_files import has_secret_name, secret_places
from hermes_home.paths import Home

if TYPE_CHECKING:
    from agent.tools.base import ToolContext

EffectKind = Literal["run", "read", "write", "fetch", "learn", "recall", "ask", "schedule"]
ApprovalsMode = Literal["ask", "auto-in-sandbox", "off"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call would do. `target` is the command, the absolute path or the URL, as the tool
    will use it; `outside`: the call asks to leave the sandbox; `composed`: a long URL that stands
    nowhere in the conversation."""

    kind: EffectKind
    target: str
    outside: bool = False
    composed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is for the model and the owner; it never tells how to lift the gate."""

    kind: Literal["allow", "ask", "deny"]
    reason: str = ""


ALLOW = Verdict("allow")


class Policy:
    """Judges a session's calls by what they would do, never by how a command is written.

    sandbox: what confines commands, None if nothing does. writable: folders besides the
    workspace that may be written. readable: folders with skills, which change as skills come.
    """

    def __init__(
        self,
        home: Home,
        *,
        approvals: ApprovalsMode,
        sandbox: str | None,
        writable: Sequence[Path] = (),
        readable: Callable[[], Sequence[Path]] = tuple,
        user_home: Path | None = None,
    ) -> None:
        self._given_home = home
        self._approvals = approvals
        self._sandbox = sandbox
        self._given_writable = writable
        self._readable = readable
        self._given_user_home = user_home

    # Where these lead is found out at the first call that is judged: most runs make none.

    @cached_property
    def _home(self) -> Home:
        return Home(self._given_home.root.resolve())

    @cached_property
    def _homes(self) -> tuple[Path, ...]:
        return own_homes(self._given_home)

    @cached_property
    def _writable(self) -> list[Path]:
        return [folder.expanduser().resolve() for folder in self._given_writable]

    @cached_property
    def _user_home(self) -> Path:
        return (self._given_user_home or Path.home()).resolve()

    def judge(
        self,
        effects: Sequence[Effect],
        context: ToolContext,
        *,
        action: str = "",
        yolo: bool = False,
        granted: Collection[str] = (),
    ) -> Verdict:
        """The strictest verdict over all effects.

        `granted` holds the actions the owner allowed for the session; `action` is this call's,
        by `action_of`. Neither it nor `yolo` turns a denial into anything else.
        """
        verdicts = [self._verdict(effect, context) for effect in effects]
        denied = next((verdict for verdict in verdicts if verdict.kind == "deny"), None)
        if denied is not None:
            return denied
        reason = "; ".join(dict.fromkeys(v.reason for v in verdicts if v.kind == "ask"))
        if not reason:
            return ALLOW
        if context.principal != "owner":
            return Verdict("deny", f"only the owner may do this: {reason}")
        if yolo or self._approvals == "off" or (action and action in granted):
            return ALLOW
        if context.headless:
            return Verdict("deny", f"{reason}; this needs the owner, and nobody can be asked")
        return Verdict("ask", reason)

    def _verdict(self, effect: Effect, context: ToolContext) -> Verdict:
        judges = {
            "run": self._run,
            "read": self._read,
            "write": self._write,
            "fetch": self._fetch,
            "learn": self._owner_only,
            "recall": self._owner_only,
            "ask": self._allow,
            "schedule": self._schedule,
        }
        judge = judges.get(effect.kind)
        if judge is None:
            return Verdict("deny", f"an effect of the unknown kind {effect.kind!r}")
        return judge(effect, context)

    def _allow(self, effect: Effect, context: ToolContext) -> Verdict:
        """A question is no effect."""
        return ALLOW

    def _owner_only(self, effect: Effect, context: ToolContext) -> Verdict:
        """What is remembered is the owner's. How it is changed is judged by the door."""
        if context.principal != "owner":
            return Verdict("deny", "only the owner's sessions reach what is remembered")
        return ALLOW

    def _schedule(self, effect: Effect, context: ToolContext) -> Verdict:
        """What runs by itself later is begun by the owner, and by no run that runs by itself."""
        if context.principal != "owner" or context.headless:
            return Verdict("deny", "only the owner makes or changes jobs, in a conversation")
        return ALLOW

    def _run(self, effect: Effect, context: ToolContext) -> Verdict:
        if context.principal != "owner":
            return Verdict("deny", "only the owner's sessions run commands")
        if effect.outside:
            return Verdict("ask", "the command would run outside the sandbox")
        if self._sandbox is None:
            return Verdict("ask", "no sandbox works here, so the command would run unconfined")
        if self._approvals == "ask":
            return Verdict("ask", "every command is asked for")
        return ALLOW

    def _read(self, effect: Effect, context: ToolContext) -> Verdict:
        path = _resolved(effect.target)
        if path is None:
            return Verdict("deny", f"{effect.target!r} is not a path that can be read")
        if self._private(path):
            return Verdict("deny", f"{path} holds secrets or state of Hermes itself")
        if context.principal != "owner" and not (
            self._given(path, context) or self._is_skill(path)
        ):
            return Verdict(
                "deny", "a guest's sessions read skills and what the guest sent, no more"
            )
        if has_secret_name(path):
            return Verdict("ask", f"{path} may hold secrets")
        doubt = self._doubt(path, context)
        if not doubt or is_inside(path, self._home.files) or self._is_skill(path):
            return ALLOW
        return Verdict("ask", f"{path} {doubt}")

    def _doubt(self, path: Path, context: ToolContext) -> str:
        """Why a file that is no skill is not simply read; empty if it is."""
        if self._in_secret_place(path):
            return "may hold secrets"
        if any(is_inside(path, home) for home in self._homes):
            return "belongs to Hermes itself"
        if any(is_inside(path, folder) for folder in (context.cwd.resolve(), *self._writable)):
            return ""
        return "is outside the workspace"

    def _write(self, effect: Effect, context: ToolContext) -> Verdict:
        path = _resolved(effect.target)
        if path is None:
            return Verdict("deny", f"{effect.target!r} is not a path that can be written")
        if context.principal != "owner":
            return Verdict("deny", "only the owner's sessions write files")
        if any(is_inside(path, home) for home in self._homes):
            return Verdict("deny", f"{path} belongs to Hermes itself; no tool writes there")
        if has_secret_name(path) or self._in_secret_place(path):
            return Verdict("ask", f"{path} may hold secrets")
        if obeyed_by_programs(path):
            return Verdict("ask", f"programs outside the sandbox obey {path}")
        if not self._may_write(path, context.cwd.resolve()):
            return Verdict("ask", f"{path} is outside the folders that may be written")
        if self._approvals == "ask":
            return Verdict("ask", f"every write is asked for: {path}")
        return ALLOW

    def _fetch(self, effect: Effect, context: ToolContext) -> Verdict:
        """What may be reached is judged by the client, at every hop; here only what may leave."""
        if effect.composed:
            return Verdict("ask", "the address is long and made up, so it may carry something away")
        return ALLOW

    def _may_write(self, path: Path, workspace: Path) -> bool:
        if any(is_inside(path, folder) for folder in self._writable):
            return True
        legal = writable_workspace(self._home, workspace, self._user_home)
        return legal and is_inside(path, workspace)

    def _given(self, path: Path, context: ToolContext) -> bool:
        """Whether it is a file that came in this very session."""
        conversation = context.conversation
        here = conversation is not None and path.name in conversation.files
        return here and path.parent == self._home.files

    def _is_skill(self, path: Path) -> bool:
        roots = [self._home.skills, *(root.expanduser().resolve() for root in self._readable())]
        return any(is_inside(path, root) for root in roots)

    def _in_secret_place(self, path: Path) -> bool:
        places = [place for place in secret_places(self._user_home) if place not in self._homes]
        return any(is_inside(path, place) for place in places)

    def _private(self, path: Path) -> bool:
        """The keys, databases and sockets of any home of ours."""
        for home in self._homes:
            if is_inside(path, home):
                parts = path.relative_to(home).parts
                if len(parts) > 2 and parts[0] == "profiles":
                    parts = parts[2:]
                name = path.name.lower()
                if parts[:1] == ("run",) or name.startswith(".env") or ".db" in name:
                    return True
        return False


def _resolved(target: str) -> Path | None:
    """Where a target leads, links followed; None for what is no absolute path."""
    try:
        return Path(target).resolve() if Path(target).is_absolute() else None
    except (OSError, RuntimeError, ValueError):
        return None


def own_homes(home: Home) -> tuple[Path, ...]:
    """The home, and for a profile the home it is a profile of; for a copy the original's too."""
    try:
        origins = [Path(line) for line in home.origins.read_text(encoding="utf-8").splitlines()]
    except OSError:
        origins = []
    found = []
    for root in (path.resolve() for path in (home.root, *origins)):
        found.append(root)
        if root.parent.name == "profiles":
            found.append(root.parent.parent)
    return tuple(found)


def writable_workspace(home: Home, workspace: Path, user_home: Path | None = None) -> bool:
    """Whether commands may write this workspace: it is not /, not the user's home or above it,
    and neither holds a home of ours nor lies in one."""
    workspace = workspace.resolve()
    user_home = (user_home or Path.home()).resolve()
    if is_inside(user_home, workspace):
        return False
    return not any(
        is_inside(root, workspace) or is_inside(workspace, root) for root in own_homes(home)
    )


def obeyed_by_programs(path: Path) -> bool:
    """Git runs what its hooks and settings name, also when the owner calls it."""
    for index, part in enumerate(path.parts[:-1]):
        if part == ".git" and path.parts[index + 1] in ("hooks", "config"):
            return True
    return False


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a resolved path is `folder` or below it."""
    return path.parts[: len(folder.parts)] == folder.parts


def action_of(name: str, arguments: Mapping[str, Any]) -> str:
    """The exact text the owner is shown and allows; two different calls never have the same."""
    shown: dict[str, Any] = msgspec.to_builtins(arguments)
    command = shown.pop("command") if isinstance(shown.get("command"), str) else None
    rest = json.dumps(shown, ensure_ascii=True, sort_keys=True) if shown else ""
    action = f"{name} {rest}".rstrip()
    return action if command is None else f"{action}: {_visible(command)}"


def _visible(text: str) -> str:
    """The text itself, or quoted if it holds what a screen does not show as it is."""
    unseen = {"Cc", "Cf", "Cs"}
    hidden = any(category(one) in unseen and one not in "\n\t" for one in text)
    return json.dumps(text) if hidden or text.startswith('"') else text
