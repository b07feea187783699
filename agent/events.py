"""The facts a run reports, one closed union. Stored before anyone sees them.

Names are past tense. An event holds no session, run, sequence number or time: the journal row
does (`Stored`). Transient events are shown and never stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, Literal

import msgspec

from agent.inputs import RunOptions
from agent.messages import ToolCall, Usage

RunEnd = Literal["done", "stopped", "failed", "limit", "blocked", "parked"]
CallEnd = Literal["ok", "failed", "denied", "invalid", "skipped", "interrupted"]
Purpose = Literal["run", "checkpoint", "compaction", "setup", "trial"]
ChangeKind = Literal["skill", "memory", "user"]
ChangeStatus = Literal["candidate", "active", "proposed", "rejected", "undone"]
SkillState = Literal["candidate", "active", "stale", "archived", "quarantined"]
Right = Literal["lock", "pin"]


class Event(msgspec.Struct, frozen=True, tag=True, omit_defaults=True, kw_only=True):
    """Base of all events."""

    transient: ClassVar[bool] = False


class SkillRef(msgspec.Struct, frozen=True):
    """A skill as it was: its name, and the first 12 hexadecimal digits of its text's sha256."""

    name: str
    version: str


# -- a session and its runs --------------------------------------------------------------------


class SessionOpened(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A session began. `system` and `tools` name the texts (blobs by sha256) that every request
    of the session starts with."""

    source: str
    cwd: str
    system: str
    tools: str
    prompt_version: str
    title: str = ""


class PromptChanged(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A logged break of the prefix: from here on requests start with these texts."""

    system: str
    tools: str
    prompt_version: str
    reason: str


class SessionRenamed(Event, frozen=True, omit_defaults=True, kw_only=True):
    title: str


class RunStarted(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A run began because of the input `cause`; what it may do, and with which model, is fixed
    here. The input counts as taken only when its UserSpoke is stored."""

    cause: str
    principal: str
    options: RunOptions
    provider: str
    model: str


class UserSpoke(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A person's words became a message. `preface` (skills loaded with it) and `tail` (date,
    notes, catalog, what was learned) are rendered once, here, and never change. `quoted` stands
    before the words and is not trusted; `files` came with them. `offered`: the skills the tail
    lists; `withheld`: those that matched and were left out to measure them; `loaded`: those in the
    preface."""

    input: str
    text: str
    quoted: str = ""
    preface: str = ""
    tail: str = ""
    principal: str = "owner"
    steering: bool = False
    files: tuple[str, ...] = ()
    offered: tuple[SkillRef, ...] = ()
    withheld: tuple[SkillRef, ...] = ()
    loaded: tuple[SkillRef, ...] = ()


class RunResumed(Event, frozen=True, omit_defaults=True, kw_only=True):
    """After a start of the daemon this run goes on. `planned`: the stop was announced, so it is
    no crash. Views drop partial text."""

    planned: bool = False


class RunSuspended(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The daemon stops on purpose; the run goes on at its next start."""

    reason: str = "the daemon stops"


class RunParked(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The run waits for its owner: any message goes on with it, a stop drops it."""

    reason: str


class Answered(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The run's answer is complete; only the end evaluation may still follow."""

    text: str


class RunFinished(Event, frozen=True, omit_defaults=True, kw_only=True):
    """`error` says what happened and what to do next when the reason is not `done`; `input` is
    the stop that ended it."""

    reason: RunEnd
    error: str = ""
    input: str = ""
    tool_calls: int = 0
    checkpoints: int = 0
    usage: Usage = Usage()


# -- the model ----------------------------------------------------------------------------------


class ModelAsked(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A request is about to be sent. `messages`: how many; `checkpoint`: its number, 0 = none."""

    purpose: Purpose = "run"
    messages: int = 0
    checkpoint: int = 0


class TextStreamed(Event, frozen=True, omit_defaults=True, kw_only=True):
    transient: ClassVar[bool] = True
    text: str
    reasoning: bool = False


class ModelRetried(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A request failed in passing and is sent again; partial text is void."""

    transient: ClassVar[bool] = True
    reason: str
    wait: float


class ModelReplied(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The whole reply, stored before it is final or acted on. `further`: a checkpoint's, and not
    its first."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    finish: str = "stop"
    purpose: Purpose = "run"
    checkpoint: int = 0
    further: bool = False


# -- tools --------------------------------------------------------------------------------------


class ApprovalRequested(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The run waits until the owner decides. `action` is exactly what would be done."""

    call_id: str
    name: str
    action: str
    reason: str


class ApprovalDecided(Event, frozen=True, omit_defaults=True, kw_only=True):
    call_id: str
    allow: bool
    by: str
    input: str = ""
    session: bool = False
    reason: str = ""


class QuestionAsked(Event, frozen=True, omit_defaults=True, kw_only=True):
    call_id: str
    question: str
    choices: tuple[str, ...] = ()


class QuestionAnswered(Event, frozen=True, omit_defaults=True, kw_only=True):
    call_id: str
    text: str
    input: str = ""


class ToolStarted(Event, frozen=True, omit_defaults=True, kw_only=True):
    """`number` counts the session's calls from 1; a checkpoint's own calls have 0 and name it."""

    call_id: str
    name: str
    arguments: str
    number: int = 0
    checkpoint: int = 0


class ToolFinished(Event, frozen=True, omit_defaults=True, kw_only=True):
    """Exactly one per call. `text` is what the model reads; `file` (sha256) holds the whole
    output when `text` was cut; `exit` is a command's exit status; `loaded`: the skill whose
    instructions it gave."""

    call_id: str
    name: str
    status: CallEnd
    text: str
    file: str = ""
    exit: int | None = None
    seconds: float = 0.0
    checkpoint: int = 0
    loaded: SkillRef | None = None


# -- the checkpoint -----------------------------------------------------------------------------


class CheckpointStarted(Event, frozen=True, omit_defaults=True, kw_only=True):
    """`number` counts the session's checkpoints from 1; `due` is the multiple it is for, 0 at
    the end of a run; `text` is the message it adds to the request."""

    number: int
    due: int
    text: str
    calls: tuple[str, ...] = ()


class Lesson(msgspec.Struct, frozen=True, omit_defaults=True):
    """One lesson; `evidence` are call numbers, and `events` the journal ids they stand for."""

    text: str
    evidence: tuple[int, ...] = ()
    keep: Literal["skill", "memory", "user", "none"] = "none"
    events: tuple[int, ...] = ()


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=True):
    accomplished: str
    worked: str
    failed: str
    outcome: Literal["success", "partial", "failure", "unknown"]
    lessons: tuple[Lesson, ...] = ()


class CheckpointFinished(Event, frozen=True, omit_defaults=True, kw_only=True):
    """`status` other than `done` says why it ended early; it is never a failed run."""

    number: int
    status: Literal["done", "failed", "cut", "cancelled"]
    reason: str = ""
    evaluation: Evaluation | None = None


# -- what was learned ---------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True):
    """Where in a file the texts of a change stand: from character `start` on. `before`, `after`:
    sha256 of the whole file."""

    start: int
    before: str
    after: str


class FileChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of a change: its path below the home, and its text before and after. None = the
    file does not exist. The text is whole, unless `part` says that it is the lines that differ, or
    `kept` that it is the name of a file below files/ which holds it. `runs`: it may be executed."""

    path: str
    before: str | None
    after: str | None
    part: Part | None = None
    kept: bool = False
    runs: bool = False


class ChangeIntended(Event, frozen=True, omit_defaults=True, kw_only=True):
    """Journalled before the rename; its sequence number is the change's id. A note's change also
    holds the entry it is about. `undoes`, `approves`, `forgets`: the change it takes back, carries
    out, or takes out of the files because that is to be forgotten. `overlays`: the version of the
    bundled skill whose copy it puts into the home."""

    kind: ChangeKind
    name: str
    action: str
    status: ChangeStatus
    actor: str
    session: str = ""
    checkpoint: int = 0
    files: tuple[FileChange, ...] = ()
    entry_before: str = ""
    entry_after: str = ""
    evidence: tuple[int, ...] = ()
    reason: str = ""
    undoes: int = 0
    approves: int = 0
    forgets: int = 0
    overlays: str = ""


class ChangeMade(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The change `id` is on disk."""

    id: int


class ChangeDecided(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A change's status moved, by the owner's word or by evidence."""

    id: int
    status: ChangeStatus
    by: str
    reason: str = ""


class RunJudged(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The owner, or a task's verifier, said of a run that it was good or bad; the last word
    counts."""

    run: str
    good: bool
    by: str
    reason: str = ""


class SkillMoved(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A skill's state changed: by the owner's word, by evidence, or by the curator. `version`
    empty = whatever its text is. `figures`: what the decision rested on, by name."""

    name: str
    state: SkillState
    by: str
    reason: str = ""
    version: str = ""
    figures: dict[str, float] = {}


class RightSet(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The owner locked (no edit, by anyone) or pinned (no archiving) something, or took it back.
    `name`: a skill's name; for a note its entry, whole."""

    kind: ChangeKind
    name: str
    right: Right
    on: bool
    by: str


class CuratorRan(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The library was looked through; one line for each thing that was done or proposed."""

    by: Literal["curator", "owner"]
    report: tuple[str, ...] = ()


class CuratorPaused(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The owner stopped the weekly look, or `on` = False let it go on."""

    on: bool
    by: str = "owner"


class Forgotten(Event, frozen=True, omit_defaults=True, kw_only=True):
    """The owner wants what change `id` wrote forgotten: every view hides it from here on, also
    where it was said before. The words are read from the change. `off` takes that back; `purged`:
    they are overwritten wherever they stand, which the next start completes."""

    id: int
    by: str = "owner"
    off: bool = False
    purged: bool = False


# -- compaction and notices ---------------------------------------------------------------------


class ConversationCompacted(Event, frozen=True, omit_defaults=True, kw_only=True):
    """A logged break of the prefix. `outputs`: calls whose old output is shown by reference from
    here on, each with the file (sha256) that holds it. `summary`: a message that stands for
    everything before the last `kept` messages."""

    reason: str
    outputs: dict[str, str] = {}
    summary: str = ""
    kept: int = 0


class Noticed(Event, frozen=True, omit_defaults=True, kw_only=True):
    """Something a person should see that is not an answer."""

    text: str
    level: Literal["info", "warning"] = "info"


AnyEvent = (
    SessionOpened
    | PromptChanged
    | SessionRenamed
    | RunStarted
    | UserSpoke
    | RunResumed
    | RunSuspended
    | RunParked
    | Answered
    | RunFinished
    | ModelAsked
    | TextStreamed
    | ModelRetried
    | ModelReplied
    | ApprovalRequested
    | ApprovalDecided
    | QuestionAsked
    | QuestionAnswered
    | ToolStarted
    | ToolFinished
    | CheckpointStarted
    | CheckpointFinished
    | ChangeIntended
    | ChangeMade
    | ChangeDecided
    | RunJudged
    | SkillMoved
    | RightSet
    | CuratorRan
    | CuratorPaused
    | Forgotten
    | ConversationCompacted
    | Noticed
)

Emit = Callable[[AnyEvent], Awaitable[int]]
"""Store an event, then show it; returns its sequence number (0 for a transient one)."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEvent)


class Stored(msgspec.Struct, frozen=True):
    """An event as the journal holds it. `at`: seconds since the epoch, for display only."""

    seq: int
    session: str
    run: str
    at: float
    event: AnyEvent


def kind_of(event: AnyEvent) -> str:
    return type(event).__name__


def encode(event: AnyEvent) -> bytes:
    return _encoder.encode(event)


def decode(body: bytes | str) -> AnyEvent:
    event: AnyEvent = _decoder.decode(body)
    return event
