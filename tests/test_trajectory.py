"""A session as steps, and its exports read back as they were, whatever was said in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.conversation import Conversation
from agent.events import (
    Answered,
    AnyEvent,
    ChangeIntended,
    ChangeMade,
    CheckpointFinished,
    CheckpointStarted,
    Evaluation,
    ModelReplied,
    RunFinished,
    RunJudged,
    RunStarted,
    SessionOpened,
    SessionRenamed,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import RunOptions
from agent.messages import ToolCall, Usage
from memory.export import FORMATS, export
from memory.redaction import MARK, Redactor
from memory.trajectory import (
    Call,
    Step,
    Trajectory,
    Verdict,
    arguments_from,
    redacted,
    trajectory,
)

TOOLS = [{"type": "function", "function": {"name": "shell", "parameters": {"type": "object"}}}]
BLOBS = {"sys": "You are Hermes.", "tools": json.dumps(TOOLS)}

EVENTS: list[AnyEvent] = [
    SessionOpened(source="terminal", cwd="/w", system="sys", tools="tools", prompt_version="7"),
    RunStarted(cause="i", principal="owner", options=RunOptions(), provider="p", model="big"),
    UserSpoke(
        input="i",
        text="Make the report",
        preface='<skill name="report-pdf" dir="/s">\nbody\n</skill>',
        tail="date: today",
    ),
    ModelReplied(
        text="Looking.",
        reasoning="First the files.",
        tool_calls=(
            ToolCall("c1", "shell", '{"command": "ls"}'),
            ToolCall("c2", "skill_view", '{"name": "tables"}'),
            ToolCall("c3", "shell", "{broken"),
        ),
        usage=Usage(100, 10, 50),
    ),
    ToolStarted(call_id="c1", name="shell", arguments='{"command": "ls"}', number=1),
    ToolFinished(call_id="c1", name="shell", status="failed", text="no such folder", exit=2),
    ToolStarted(call_id="c2", name="skill_view", arguments='{"name": "tables"}', number=2),
    ToolFinished(call_id="c2", name="skill_view", status="ok", text="instructions"),
    ToolFinished(call_id="c3", name="shell", status="invalid", text="not JSON"),
    CheckpointStarted(number=1, due=0, text="[self-evaluation checkpoint]"),
    ModelReplied(
        text="",
        tool_calls=(ToolCall("e1", "evaluate", "{}"),),
        usage=Usage(200, 20),
        purpose="checkpoint",
        checkpoint=1,
    ),
    ToolStarted(call_id="e1", name="evaluate", arguments="{}", checkpoint=1),
    ChangeIntended(
        kind="skill",
        name="tables",
        action="patch",
        status="candidate",
        actor="agent",
        session="s1",
        checkpoint=1,
    ),
    ChangeMade(id=16),
    ToolFinished(call_id="e1", name="evaluate", status="ok", text="kept", checkpoint=1),
    CheckpointFinished(
        number=1,
        status="done",
        evaluation=Evaluation(accomplished="a", worked="w", failed="f", outcome="partial"),
    ),
    ModelReplied(text="Done.", usage=Usage(300, 30)),
    Answered(text="Done."),
    RunFinished(reason="done"),
]


def stored(events: list[AnyEvent]) -> list[Stored]:
    return [Stored(n, "s1", "r1", 1_000.0 + n, event) for n, event in enumerate(events, 1)]


def test_a_session_as_steps() -> None:
    result = trajectory(stored(EVENTS), BLOBS.__getitem__)
    assert (result.task, result.session, result.model) == ("Make the report", "s1", "big")
    assert (result.system, result.tools, result.prompt_version) == (BLOBS["sys"], TOOLS, "7")
    assert result.started_at == "1970-01-01T00:16:41.000+00:00"
    assert result.outcome == "partial"
    assert result.usage == {"prompt": 600, "completion": 60, "cached": 50, "total": 660}
    assert result.skills == ["report-pdf", "tables"]
    marks = [(c["number"], c["after_step"], c["status"], c["changes"]) for c in result.checkpoints]
    made = {"id": 16, "kind": "skill", "name": "tables", "action": "patch", "status": "candidate"}
    assert marks == [(1, 2, "done", [made])]
    assert [(step.step, step.role, step.text) for step in result.trajectory[1:]] == [
        (2, "assistant", "Looking."),
        (3, "assistant", "Done."),
    ]
    assert result.trajectory[1].thought == "First the files."
    assert result.trajectory[1].tool_calls == [
        Call("c1", "shell", {"command": "ls"}, "no such folder", "failed, exit 2"),
        Call("c2", "skill_view", {"name": "tables"}, "instructions"),
        Call("c3", "shell", "{broken", "not JSON", "invalid"),
    ]
    assert result.plain()["reward"] == {
        "total": 0.575,
        "task_completion": 0.5,
        "tool_accuracy": 0.8,  # c3
        "efficiency": 1.0,
        "error_recovery": 0.0,  # neither c1 nor c3 was got over
        "goal_alignment": 0.5,
        "unknown": ("goal_alignment",),
        "version": 2,
    }


def test_a_persons_step_is_what_the_model_read() -> None:
    events = stored(EVENTS)
    message = Conversation.replay(events[:3]).messages[0]
    assert trajectory(events, BLOBS.__getitem__).trajectory[0].text == message.text


def test_a_title_and_a_verdict_stand_beside_the_steps() -> None:
    judged = RunJudged(run="r1", good=False, by="verifier", reason="2 of 3 are right")
    result = trajectory(stored([*EVENTS, SessionRenamed(title="x 1"), judged]), BLOBS.__getitem__)
    assert (result.title, result.verdict) == ("x 1", Verdict(False, "verifier", "2 of 3 are right"))
    assert result.reward is not None
    assert (result.outcome, result.reward.goal_alignment) == ("failure", 0.0)
    assert trajectory(stored(EVENTS), BLOBS.__getitem__).verdict is None


def test_a_checkpoint_begun_again_after_a_crash_is_one() -> None:
    again = EVENTS[9]
    result = trajectory(stored([*EVENTS[:10], again, *EVENTS[10:]]), BLOBS.__getitem__)
    assert len(result.checkpoints) == 1
    open_one = trajectory(stored(EVENTS[:10]), BLOBS.__getitem__)
    assert open_one.checkpoints[0]["status"] == "open"
    assert open_one.outcome == "unknown"


def test_a_session_that_broke_off_keeps_its_open_call_without_a_result() -> None:
    result = trajectory(stored(EVENTS[:5]), BLOBS.__getitem__)
    assert [call.observation for call in result.trajectory[-1].tool_calls] == [None] * 3
    (line,) = export(result, "sharegpt").splitlines()
    assert [turn["from"] for turn in json.loads(line)["conversations"]] == [
        "system",
        "human",
        "gpt",
    ]


def test_no_events_are_an_empty_trajectory() -> None:
    assert trajectory([], BLOBS.__getitem__).trajectory == []


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": "\\ud800"}', "[1]", "", "nul", '{"a": 1e999}']
)
def test_arguments_that_would_not_survive_stay_text(text: str) -> None:
    value = arguments_from(text)
    assert value == (text or {})
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


# -- exports -----------------------------------------------------------------------------------

hostile = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            "<think> </think> <tool_call> </tool_call> <tool_response> </tool_response> <tools> "
            "</tools> <\\think> <\\\\/tool_call> <\\/tools> < \\ / \n \n\n {} \" ' \\u003c x".split(
                " "
            )
        ),
        max_size=8,
    ).map("".join),
)
value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=6,
)
call = st.builds(
    lambda name, arguments, observation, error: (name, arguments, observation, error),
    st.sampled_from(["shell", "read_file"]),
    st.dictionaries(hostile, value, max_size=3),
    st.none() | hostile,
    st.none() | st.just("failed"),
)
turn = st.one_of(
    hostile.map(lambda text: Step(0, "user", text)),
    st.builds(
        lambda text, thought, calls: Step(0, "assistant", text, thought, calls),
        hostile,
        hostile,
        st.lists(call, max_size=3),
    ),
)


@st.composite
def hostile_trajectories(draw: st.DrawFn) -> Trajectory:
    steps, number = draw(st.lists(turn, max_size=6)), 0
    for at, step in enumerate(steps, 1):
        step.step = at
        drawn: list[Any] = list(step.tool_calls)
        step.tool_calls = []
        for name, arguments, observation, error in drawn:
            number += 1
            shown = None if observation is None else error
            step.tool_calls.append(Call(f"c{number}", name, arguments, observation, shown))
    return Trajectory(session="s", system=draw(hostile), tools=TOOLS, trajectory=steps)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(hostile_trajectories())
def test_markdown_has_every_result_in_a_fence_of_its_own(original: Trajectory) -> None:
    text = export(original, "md")
    for step in original.trajectory:
        assert f"## {step.step}. {step.role}" in text
        for made in step.tool_calls:
            assert made.observation is None or made.observation in text


def test_a_fence_in_an_output_does_not_end_its_block() -> None:
    output = "```\nrm\n````"
    steps = [Step(1, "assistant", "", "", [Call("c", "shell", {}, output)])]
    assert f"`````\n{output}\n`````" in export(Trajectory(trajectory=steps), "md")


# -- secrets ------------------------------------------------------------------------------------

SHAPES = [
    "sk-proj-abcdefghijklmnop1234",
    "sk-ant-api03-abcdefghijklmnopqrst",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 10,
    "xoxb-123456789012-abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "a1B2c" * 7,
    "123456789:" + "a1B2c" * 7,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghij",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SHAPES)
def test_what_looks_like_a_key_is_taken_out(secret: str) -> None:
    assert Redactor().text(f"before {secret} after") == f"before {MARK} after"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("api_key = 'abcdef123'", f"api_key = '{MARK}'"),
        ('{"password": "hunter22"}', f'{{"password": "{MARK}"}}'),
        ("Authorization: Bearer abcdef.ghijkl-mnop", f"Authorization: Bearer {MARK}"),
        ("git clone https://me:s3cret@host/x", f"git clone https://me:{MARK}@host/x"),
        ("the secret of a good password is length", "the secret of a good password is length"),
        ("see task-force and https://host:8080/a", "see task-force and https://host:8080/a"),
    ],
)
def test_only_the_value_of_a_named_secret_is_taken_out(text: str, clean: str) -> None:
    assert Redactor().text(text) == clean


def test_known_values_go_wherever_and_however_they_stand() -> None:
    redactor = Redactor(['pa"ss\nword/1', "short", "pa"])
    shown = redactor.value(
        {"a": ['x pa"ss\nword/1 y'], 'pa\\"ss\\nword/1': {"u": "http://h/?q=pa%22ss%0Aword%2F1"}}
    )
    assert shown == {"a": [f"x {MARK} y"], MARK: {"u": f"http://h/?q={MARK}"}}


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(hostile_trajectories(), st.text(min_size=8, max_size=12), st.data())
def test_no_export_holds_a_known_secret(
    original: Trajectory, secret: str, data: st.DataObject
) -> None:
    for step in original.trajectory:
        if data.draw(st.booleans()):
            step.text += secret
        for made in step.tool_calls:
            made.arguments = {"command": f"echo {secret}", "list": [secret]}
            made.observation = f"{secret}{made.observation}"
    clean = redacted(original, Redactor([secret]))
    for step in clean.trajectory:
        assert secret not in step.text
        for made in step.tool_calls:
            assert secret not in (made.observation or "")
            assert made.arguments == {"command": f"echo {MARK}", "list": [MARK]}
    for name in FORMATS:
        assert export(clean, name)
