"""A session's state, folded from its events: what the model sees, and what is still to do.

The worker folds stored events when a session is opened and the loop folds each new one, so a
resumed session makes the same requests, byte for byte, as one that never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from agent.events import (
    Answered,
    AnyEvent,
    ApprovalDecided,
    ApprovalRequested,
    CallEnd,
    ChangeDecided,
    ChangeIntended,
    ChangeMade,
    CheckpointFinished,
    CheckpointStarted,
    ConversationCompacted,
    Evaluation,
    ModelAsked,
    ModelReplied,
    PromptChanged,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunParked,
    RunResumed,
    RunStarted,
    RunSuspended,
    SessionOpened,
    SessionRenamed,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.judgement import judges
from agent.messages import Message, Usage


@dataclass
class Call:
    """One tool call of the run: asked for, perhaps started, perhaps finished."""

    id: str
    name: str
    arguments: str
    number: int = 0
    status: CallEnd | None = None
    exit: int | None = None
    text: str = ""
    file: str = ""
    event: int = 0
    requested: str = ""
    allowed: bool | None = None
    reply: str | None = None
    asked: bool = False


@dataclass
class Checkpoint:
    """A self-evaluation that has begun. `messages` follow the run's own in its requests."""

    number: int
    due: int
    numbers: tuple[int, ...]
    messages: list[Message]
    changes: list[int] = field(default_factory=list)
    crashes: int = 0
    open: dict[str, bool] = field(default_factory=dict)
    """Calls without a result yet, by id: has it started?"""


@dataclass
class RunState:
    """The run in progress."""

    id: str
    started: RunStarted
    turns: int = 0
    calls: int = 0
    checkpoints: int = 0
    crashes: int = 0
    denied: bool = False
    suspended: bool = False
    parked: str = ""
    answered: bool = False
    failed_checks: set[str] = field(default_factory=set)
    mended: bool = False
    judged: bool = False
    usage: Usage = Usage()


@dataclass
class Conversation:
    """The fold. `messages` is what the model sees, without the system message."""

    session: str = ""
    source: str = ""
    cwd: str = ""
    title: str = ""
    system: str = ""
    tools: str = ""
    prompt_version: str = ""
    messages: list[Message] = field(default_factory=list)
    run: RunState | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    started: int = 0
    evaluated: int = 0
    last_due: int = 0
    checkpoints: int = 0
    checkpoint: Checkpoint | None = None
    listed: list[Call] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    said_since: list[str] = field(default_factory=list)
    granted: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    announcements: list[str] = field(default_factory=list)
    proposals: dict[int, ChangeIntended] = field(default_factory=dict)
    sources: list[tuple[bool, str]] = field(default_factory=list)
    context_tokens: int = 0
    context_messages: int = 0
    last_evaluation: Evaluation | None = None
    seq: int = 0

    @classmethod
    def replay(cls, events: Iterable[Stored]) -> Conversation:
        """The state after these events, in order."""
        conversation = cls()
        for stored in events:
            conversation.session = conversation.session or stored.session
            conversation.apply(stored.event, stored.seq, stored.run)
        return conversation

    def apply(self, event: AnyEvent, seq: int = 0, run: str = "") -> None:
        """Fold one event; kinds that change nothing here are passed over."""
        self.seq = max(self.seq, seq)
        step = _STEPS.get(type(event))
        if step is not None:
            step(self, event, seq, run)

    @property
    def unanswered(self) -> list[Call]:
        """Calls of the last reply that have no result yet, in the order they were asked for."""
        return [self.calls[id] for id in self.waiting if self.calls[id].status is None]

    @property
    def needs_reply(self) -> bool:
        """The last word is not the model's, or the model still waits for results."""
        return bool(self.messages) and self.messages[-1].role != "assistant"


# -- one function per kind of event ------------------------------------------------------------


def _opened(c: Conversation, event: SessionOpened, seq: int, run: str) -> None:
    c.source, c.cwd, c.title = event.source, event.cwd, event.title
    c.system, c.tools, c.prompt_version = event.system, event.tools, event.prompt_version


def _prompt_changed(c: Conversation, event: PromptChanged, seq: int, run: str) -> None:
    c.system, c.tools, c.prompt_version = event.system, event.tools, event.prompt_version


def _renamed(c: Conversation, event: SessionRenamed, seq: int, run: str) -> None:
    c.title = event.title


def _run_started(c: Conversation, event: RunStarted, seq: int, run: str) -> None:
    c.run = RunState(run, event)
    c.waiting = []


def _spoke(c: Conversation, event: UserSpoke, seq: int, run: str) -> None:
    tail = f"<context>\n{event.tail}\n</context>" if event.tail else ""
    parts = [part for part in (event.preface, event.quoted, event.text, tail) if part]
    c.messages.append(Message("user", "\n\n".join(parts)))
    c.said.append(event.text)
    c.said_since.append(event.text)
    c.files.update(event.files)
    if event.quoted:
        c.sources.append((False, event.quoted))
    c.sources.append((event.principal == "owner", event.text))
    c.announcements.clear()
    if c.run is not None:
        c.run.parked = ""
        c.run.answered = False
        c.run.judged = c.run.judged or (c.started > c.evaluated and judges(event.text))
        _progress(c)


def _resumed(c: Conversation, event: RunResumed, seq: int, run: str) -> None:
    if c.run is None:
        return
    c.run.suspended = False
    if not event.planned:
        c.run.crashes += 1
        if c.checkpoint is not None:
            c.checkpoint.crashes += 1


def _suspended(c: Conversation, event: RunSuspended, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.suspended = True


def _parked(c: Conversation, event: RunParked, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.parked = event.reason
        c.run.crashes = 0


def _answered(c: Conversation, event: Answered, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.answered = True
        _progress(c)


def _run_finished(c: Conversation, event: RunFinished, seq: int, run: str) -> None:
    c.run = None
    c.waiting = []


def _asked(c: Conversation, event: ModelAsked, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.suspended = False


def _replied(c: Conversation, event: ModelReplied, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.usage = c.run.usage + event.usage
        _progress(c)
    if event.purpose == "compaction":
        return
    message = Message("assistant", event.text, event.tool_calls, reasoning=event.reasoning)
    c.sources.append((True, event.text))
    c.sources.extend((True, call.arguments) for call in event.tool_calls)
    if event.checkpoint:
        if c.checkpoint is not None:
            c.checkpoint.messages.append(message)
            c.checkpoint.open = {call.id: False for call in event.tool_calls}
        return
    c.messages.append(message)
    c.context_tokens = event.usage.prompt + event.usage.completion
    c.context_messages = len(c.messages)
    c.waiting = [call.id for call in event.tool_calls]
    for call in event.tool_calls:
        c.calls[call.id] = Call(call.id, call.name, call.arguments)
    if c.run is not None:
        c.run.turns += 1


def _approval_requested(c: Conversation, event: ApprovalRequested, seq: int, run: str) -> None:
    if event.call_id in c.calls:
        c.calls[event.call_id].requested = event.action
    _progress(c)


def _approval_decided(c: Conversation, event: ApprovalDecided, seq: int, run: str) -> None:
    call = c.calls.get(event.call_id)
    if call is None:
        return
    call.allowed = event.allow
    if event.allow and event.session:
        c.granted.add(call.requested)


def _question_asked(c: Conversation, event: QuestionAsked, seq: int, run: str) -> None:
    if event.call_id in c.calls:
        c.calls[event.call_id].asked = True
    _progress(c)


def _question_answered(c: Conversation, event: QuestionAnswered, seq: int, run: str) -> None:
    c.sources.append((True, event.text))
    c.said.append(event.text)
    c.said_since.append(event.text)
    if event.call_id in c.calls:
        c.calls[event.call_id].reply = event.text


def _tool_started(c: Conversation, event: ToolStarted, seq: int, run: str) -> None:
    if event.checkpoint:
        if c.checkpoint is not None:
            c.checkpoint.open[event.call_id] = True
        return
    call = c.calls.setdefault(event.call_id, Call(event.call_id, event.name, event.arguments))
    call.number, call.event = event.number, seq
    c.started = max(c.started, event.number)
    c.listed.append(call)
    if c.run is not None:
        c.run.calls += 1


def _tool_finished(c: Conversation, event: ToolFinished, seq: int, run: str) -> None:
    if event.file:
        c.files.add(event.file)
    message = Message("tool", event.text, call_id=event.call_id)
    if event.checkpoint:
        if c.checkpoint is not None:
            c.checkpoint.messages.append(message)
            c.checkpoint.open.pop(event.call_id, None)
        return
    c.messages.insert(_place(c, event.call_id), message)
    c.sources.append((False, event.text))
    call = c.calls.setdefault(event.call_id, Call(event.call_id, event.name, ""))
    call.status, call.exit = event.status, event.exit
    call.text, call.file = event.text, event.file
    if c.run is not None:
        _note_check(c.run, call)
        _progress(c)


def _place(c: Conversation, call_id: str) -> int:
    """Results stand in the order of their calls, also of calls that ran side by side. They are
    not sent before all are there, so this moves nothing a request has held."""
    order = {id: number for number, id in enumerate(c.waiting)}
    place = len(c.messages)
    while place and c.messages[place - 1].role == "tool":
        if order.get(c.messages[place - 1].call_id, -1) <= order.get(call_id, len(order)):
            break
        place -= 1
    return place


def _note_check(run: RunState, call: Call) -> None:
    """A check is a command that failed and then, unchanged, passed."""
    run.denied = call.status == "denied" or (run.denied and call.status != "ok")
    key = f"{call.name} {call.arguments}"
    if call.status == "failed":
        run.failed_checks.add(key)
    elif call.status == "ok" and key in run.failed_checks:
        run.mended = True


def _checkpoint_started(c: Conversation, event: CheckpointStarted, seq: int, run: str) -> None:
    again = c.checkpoint if c.checkpoint and c.checkpoint.number == event.number else None
    crashes, changes = (again.crashes, again.changes) if again else (0, [])
    numbers = tuple(call.number for call in c.listed)
    opening = Message("user", event.text)
    c.checkpoint = Checkpoint(event.number, event.due, numbers, [opening], changes, crashes)
    c.last_due = max(c.last_due, event.due)
    c.checkpoints = max(c.checkpoints, event.number)
    if c.run is not None and again is None:
        c.run.checkpoints += 1


def _checkpoint_finished(c: Conversation, event: CheckpointFinished, seq: int, run: str) -> None:
    c.checkpoint = None
    c.last_evaluation = event.evaluation or c.last_evaluation
    if event.status != "cancelled":
        c.evaluated = c.started
        c.listed = []
        c.said_since = []
    if c.run is not None:
        _progress(c)
        c.run.mended = c.run.judged = False


def _change_intended(c: Conversation, event: ChangeIntended, seq: int, run: str) -> None:
    c.proposals[seq] = event
    if event.status == "proposed":
        # Its words are not the owner's yet, so they are not told among what the owner knows.
        c.announcements.append(f"change {seq} is proposed to the owner: {event.kind} {event.name}")


def _change_made(c: Conversation, event: ChangeMade, seq: int, run: str) -> None:
    intended = c.proposals.get(event.id)
    if intended is None:
        return
    c.announcements.append(_change_text(intended))
    if c.checkpoint is not None and intended.checkpoint == c.checkpoint.number:
        c.checkpoint.changes.append(event.id)


def _change_decided(c: Conversation, event: ChangeDecided, seq: int, run: str) -> None:
    intended = c.proposals.get(event.id)
    if intended is None:
        return
    if event.status == "active":
        c.announcements.append(f"approved: {_change_text(intended)}")
    elif intended.status == "proposed":
        c.announcements.append(f"change {event.id} is {event.status} by the owner")
    else:
        c.announcements.append(f"{event.status}: {_change_text(intended)}")


def _change_text(event: ChangeIntended) -> str:
    if event.kind == "skill":
        return f"skill {event.name} ({event.action})"
    words = event.entry_after or event.entry_before
    return f"note ({event.action}): {words}"


def _compacted(c: Conversation, event: ConversationCompacted, seq: int, run: str) -> None:
    if event.outputs:
        c.messages = [_by_reference(message, event.outputs) for message in c.messages]
    if event.summary:
        kept = c.messages[len(c.messages) - event.kept :] if event.kept else []
        c.messages = [Message("user", event.summary), *kept]
    c.context_tokens = c.context_messages = 0


def _by_reference(message: Message, outputs: dict[str, str]) -> Message:
    file = outputs.get(message.call_id) if message.role == "tool" else None
    if file is None:
        return message
    text = f"[an old output; the whole is in files/{file}, which read_file reads by that name]"
    return replace(message, text=text, wire={})


def _progress(c: Conversation) -> None:
    """A step is complete: a crash from here on is the first of the next step."""
    if c.run is not None:
        c.run.crashes = 0


_STEPS: dict[type, Callable[..., None]] = {
    SessionOpened: _opened,
    PromptChanged: _prompt_changed,
    SessionRenamed: _renamed,
    RunStarted: _run_started,
    UserSpoke: _spoke,
    RunResumed: _resumed,
    RunSuspended: _suspended,
    RunParked: _parked,
    Answered: _answered,
    RunFinished: _run_finished,
    ModelAsked: _asked,
    ModelReplied: _replied,
    ApprovalRequested: _approval_requested,
    ApprovalDecided: _approval_decided,
    QuestionAsked: _question_asked,
    QuestionAnswered: _question_answered,
    ToolStarted: _tool_started,
    ToolFinished: _tool_finished,
    CheckpointStarted: _checkpoint_started,
    CheckpointFinished: _checkpoint_finished,
    ChangeIntended: _change_intended,
    ChangeMade: _change_made,
    ChangeDecided: _change_decided,
    ConversationCompacted: _compacted,
}
