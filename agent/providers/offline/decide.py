"""Which rule answers a request: the rules in their order of precedence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agent.messages import Message
from agent.providers.base import Request
from agent.providers.offline import asking, checkpoint, compaction
from agent.providers.offline.plan import Action, Progress
from agent.providers.offline.report import report
from agent.providers.offline.scene import Scene, scene_of
from agent.providers.offline.text import as_code
from agent.providers.offline.work import Work, work_of

INTRODUCTION = """\
I am the model built into Hermes. I need no network and no key, and I do not understand free text:
I follow explicit steps, goals with a check, and skills. For example:

1. run `ls -l`
2. read notes.txt
3. write "done" to state.txt

or

Make the tests pass.
Ways: `make fix`, `make clean all`
Check: `make test`

I also answer: remember …, forget …, find …, what do you know about …? To talk to a full model,
connect one with `hermes setup`."""

_GREETINGS = frozenset(
    f"{opening}{hello}"
    for opening in ("", "say ")
    for hello in ("hi", "hello", "hey", "hi there", "hello there", "hey there", "good morning")
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Text, calls to make, or both."""

    text: str
    actions: tuple[Action, ...] = ()


def decide(request: Request) -> Answer:
    """The answer to a request; the same for the same request."""
    offered = offered_tools(request.tools)
    messages = request.messages
    index = _last_user(messages)
    first = messages[index].text.split("\n", 1)[0].strip() if index >= 0 else ""
    if first == checkpoint.FIRST_LINE:
        actions = checkpoint.answer(messages, index, offered)
        return Answer("" if actions else "Nothing more to keep.", tuple(actions))
    if first == compaction.FIRST_LINE:
        return Answer(compaction.summary(messages))
    scene = scene_of(messages, offered)
    return _asked_before(scene) or _work(scene) or _small_talk(scene)


def offered_tools(tools: bytes) -> frozenset[str]:
    """The names in the JSON array of schemas; none if it cannot be read."""
    try:
        schemas = json.loads(tools or b"[]")
    except (ValueError, RecursionError):
        return frozenset()
    schemas = schemas if isinstance(schemas, list) else []
    functions = [schema.get("function", schema) for schema in schemas if isinstance(schema, dict)]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return frozenset(name for name in names if isinstance(name, str))


def _last_user(messages: Sequence[Message]) -> int:
    return max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)


def _asked_before(scene: Scene) -> Answer | None:
    """A question about what was said or noted."""
    if scene.spoken.skills or not asking.is_question(scene.spoken.words):
        return None
    call = asking.search_call(scene)
    return Answer("", (call,)) if call else Answer(asking.answer(scene))


def _work(scene: Scene) -> Answer | None:
    work = work_of(scene.spoken, scene.earlier, scene.results, scene.offered)
    if work is None:
        return None
    if problem := _cannot(work):
        return Answer(problem)
    progress = work.progress(scene.results)
    if not progress.next:
        return Answer(report(work, progress, scene.results))
    missing = [action.tool for action in progress.next if action.tool not in scene.offered]
    if missing:
        return Answer(f"The tool {as_code(missing[0])} is not offered here, so this stops.")
    return Answer(_opening(work, progress, scene), progress.next)


def _cannot(work: Work) -> str:
    """Why the work cannot be begun, empty if it can."""
    skill = f"the skill {as_code(work.skill.name)}" if work.skill else "this"
    if work.missing:
        wanted = ", ".join(f"`{name}: …`" for name in work.missing)
        return f"To follow {skill} I need {wanted}. Say it again with that."
    if work.steps or work.first:
        if work.strange and work.skill is None:
            listed = "\n".join(f"- {text}" for text in work.strange)
            return (
                f"I did nothing, since I do not understand these steps:\n{listed}\n\n{INTRODUCTION}"
            )
        return ""
    if work.skill is not None:
        return (
            f"I cannot follow {skill} by myself: its procedure has no numbered steps with commands "
            "in code spans. A full model can; connect one with `hermes setup`."
        )
    return "I know no way to reach this goal. Name some: Ways: `command`, `other command`"


def _opening(work: Work, progress: Progress, scene: Scene) -> str:
    """Said with the first call of the work itself."""
    began = any(attempt.done for attempt in progress.attempts if attempt.step in work.steps)
    if began or progress.next[0] not in [a for s in work.steps for way in s.tries for a in way]:
        return ""
    if work.skill is not None:
        return f"I follow the skill {as_code(work.skill.name)}."
    files = {step.item for step in work.steps if step.item}
    return f"{len(files)} files to do." if files else ""


def _small_talk(scene: Scene) -> Answer:
    words = " ".join(scene.spoken.words.lower().strip(" .!?,").split())
    if words in _GREETINGS:
        return Answer("Hi! " + INTRODUCTION)
    return Answer(INTRODUCTION)
