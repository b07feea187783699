"""What comes in. An input is stored in the inbox before it is acknowledged."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec


class RunOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the run that an input starts is to be carried out; stored with the input.

    cwd: the workspace, absolute. model, provider, base_url: empty = the settings'.
    max_turns: 0 = the settings'. headless: nobody can be asked, so asking is denying.
    yolo: the owner granted every effect beforehand. learning: False = no checkpoint, no write.
    skills: names whose instructions are loaded with the first message.
    trial: the skill whose worth this run is to show; it reaches nothing but its workspace and
    tells no figures. The skill is at hand for certain, or `without`: not to be found.
    hidden: folders that the run's commands do not find.
    seed: what makes the model's choices repeatable where its server can; 0 = none is sent.
    """

    cwd: str = ""
    model: str = ""
    provider: str = ""
    base_url: str = ""
    max_turns: int = 0
    headless: bool = False
    yolo: bool = False
    learning: bool = True
    skills: tuple[str, ...] = ()
    trial: str = ""
    without: bool = False
    hidden: tuple[str, ...] = ()
    seed: int = 0


class Input(msgspec.Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """`id` names the inbox row; `principal` is who speaks (`owner` or a grant's id)."""

    id: str
    principal: str = "owner"


class Said(Input, frozen=True, omit_defaults=True, kw_only=True):
    """A person's message. `steer` joins the run that is working; `queue` waits for its end.
    `quoted` rides before it: what a program says was said earlier, so nobody's word. `files`:
    names below files/ of what came with it."""

    text: str
    quoted: str = ""
    mode: Literal["steer", "queue"] = "steer"
    options: RunOptions = RunOptions()
    files: tuple[str, ...] = ()


class Stop(Input, frozen=True, omit_defaults=True, kw_only=True):
    """End the run now."""

    reason: str = "stopped by the user"


class Decision(Input, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to an approval request: `allow` it or not, once or for the rest of the session."""

    call_id: str
    allow: bool
    session: bool = False
    reason: str = ""


class Answer(Input, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to a question the model asked with the tool `ask`."""

    call_id: str
    text: str


AnyInput = Said | Stop | Decision | Answer


def input_id(key: str) -> str:
    """An input's id by the event it comes from, so that the same event is the same input."""
    return f"i{hashlib.sha256(key.encode()).hexdigest()[:16]}"
