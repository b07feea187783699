"""What each event changes in a conversation, one function per kind: (conversation, event, its
number in the journal, its run). Used by the fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from agent import folding_learning
from agent.checks import checks_in
from agent.events import (
    Answered,
    ApprovalDecided,
    ApprovalRequested,
    ConversationCompacted,
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
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.learning.judgement import judges
from agent.learning.sayings import own_part, quoted_part
from agent.messages import Message
from agent.state import Call, RunState

if TYPE_CHECKING:
    from agent.conversation import Conversation


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
    c.met.update(ref.name for ref in (*event.offered, *event.withheld, *event.loaded))
    _note_words(c, event)
    c.announcements.clear()
    if c.run is not None:
        c.run.parked = ""
        c.run.answered = False
        c.run.judged = c.run.judged or (c.started > c.evaluated and judges(event.text))
        c.progressed()


def _note_words(c: Conversation, event: UserSpoke) -> None:
    """Whose words they are: the owner vouches for his own, not for those he quotes."""
    owned = event.principal == "owner"
    quoted = "\n".join(filter(None, (event.quoted, quoted_part(event.text))))
    if quoted:
        c.sources.append((False, quoted))
    c.sources.append((owned, own_part(event.text)))
    if owned:
        c.own.append(event.text)


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
        c.progressed()


def _run_finished(c: Conversation, event: RunFinished, seq: int, run: str) -> None:
    c.run = None
    c.waiting = []


def _asked(c: Conversation, event: ModelAsked, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.suspended = False


def _replied(c: Conversation, event: ModelReplied, seq: int, run: str) -> None:
    if c.run is not None:
        c.run.usage = c.run.usage + event.usage
        c.progressed()
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
    c.progressed()


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
    c.progressed()


def _question_answered(c: Conversation, event: QuestionAnswered, seq: int, run: str) -> None:
    c.sources.append((True, event.text))
    c.said.append(event.text)
    c.said_since.append(event.text)
    c.own.append(event.text)
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
    c.sources.append((False, event.text))
    if event.checkpoint:
        if c.checkpoint is not None:
            c.checkpoint.messages.append(message)
            c.checkpoint.open.pop(event.call_id, None)
        return
    c.messages.insert(_place(c, event.call_id), message)
    call = c.calls.setdefault(event.call_id, Call(event.call_id, event.name, ""))
    call.status, call.exit = event.status, event.exit
    call.text, call.file = event.text, event.file
    if event.loaded is not None:
        c.met.add(event.loaded.name)
    if c.run is not None:
        _note_check(c.run, call)
        c.progressed()


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
    """A check is a test, build or lint command, or any that failed and then, unchanged, passed."""
    run.denied = call.status == "denied" or (run.denied and call.status != "ok")
    if call.status not in ("ok", "failed"):
        return
    names = {f"{call.name} {call.arguments}", *checks_in(call.command)}
    if call.status == "failed":
        run.failed_checks |= names
    elif names & run.failed_checks:
        run.mended = True


def _compacted(c: Conversation, event: ConversationCompacted, seq: int, run: str) -> None:
    if event.outputs:
        c.messages = [_by_reference(message, event.outputs) for message in c.messages]
    if event.summary:
        c.met.clear()
        kept = c.messages[len(c.messages) - event.kept :] if event.kept else []
        c.messages = [Message("user", event.summary), *kept]
    c.context_tokens = c.context_messages = 0


def _by_reference(message: Message, outputs: dict[str, str]) -> Message:
    file = outputs.get(message.call_id) if message.role == "tool" else None
    if file is None:
        return message
    text = f"[an old output; the whole is in files/{file}, which read_file reads by that name]"
    return replace(message, text=text, wire={})


STEPS: dict[type, Callable[..., None]] = {
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
    ConversationCompacted: _compacted,
    **folding_learning.STEPS,
}
