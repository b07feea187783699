"""Events as lines for a person: what streams, what is void, what is learned, what is dangerous."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.output import Paint, clean, cut, width
from gateway.cli.paste import LONGEST, Pastes
from gateway.cli.phase import Phase
from gateway.cli.screen import rows
from gateway.cli.speaker import is_command
from gateway.cli.terminal import beginning
from gateway.cli.view import View, subject

PLAIN = Paint(io.StringIO())


def stored(type_: str, seq_: int = 0, /, **fields: Any) -> dict[str, Any]:
    event = {"type": type_, **fields}
    return {"seq": seq_, "session": "s", "run": "r", "at": time.time(), "event": event}


def shown(*events: dict[str, Any], view: View | None = None) -> list[str]:
    view = view or View(PLAIN)
    return [line for event in events for line in view.add(event)]


def streamed(pieces: list[str]) -> list[dict[str, Any]]:
    return [stored("ModelAsked"), *(stored("TextStreamed", text=piece) for piece in pieces)]


REPLIES = st.text(st.sampled_from("ab \n`é漢"), min_size=1, max_size=60).filter(str.strip)


@given(REPLIES, st.data())
def test_a_reply_is_shown_once_however_it_streams(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    lines = shown(*streamed(pieces), stored("ModelReplied", text=text))
    assert "\n".join(lines).strip("\n") == text.strip("\n")


def test_a_reply_whose_beginning_was_not_seen_is_shown_whole() -> None:
    lines = shown(*streamed(["nd half"]), stored("ModelReplied", text="first and second half"))
    assert lines == ["first and second half"]


def test_text_before_a_retry_is_said_to_be_void() -> None:
    lines = shown(
        *streamed(["one\ntw"]),
        stored("ModelRetried", reason="overloaded", wait=1.0),
        stored("TextStreamed", text="again\n"),
        stored("ModelReplied", text="again\nwhole"),
    )
    assert lines == ["one", "· the reply begins again", "again", "whole"]


def test_a_long_call_is_cut_on_a_pipe_too() -> None:
    command = "cat > a.py <<'X'\n" + "print(1)\n" * 300 + "X"
    (line,) = shown(
        stored(
            "ToolStarted", call_id="c", name="shell", arguments=json.dumps({"command": command})
        ),
        stored("ToolFinished", call_id="c", name="shell", status="ok", text="", seconds=0.1),
    )
    assert line.startswith("› shell cat > a.py <<'X' print(1)")
    assert "…  ✓" in line
    assert width(line) < 150


def test_reasoning_and_the_checkpoint_are_not_shown() -> None:
    assert not shown(
        stored("ModelAsked"),
        stored("TextStreamed", text="hm\n", reasoning=True),
        stored("ModelAsked", purpose="checkpoint"),
        stored("TextStreamed", text="I learned\n"),
        stored("ModelReplied", text="I learned", purpose="checkpoint"),
        stored("ToolStarted", call_id="c", name="evaluate", arguments="{}", checkpoint=1),
        stored("ToolFinished", call_id="c", name="evaluate", status="ok", text="", checkpoint=1),
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"status": "ok", "exit": 0, "seconds": 1.23}, "› shell make test  ✓ 1.2 s"),
        ({"status": "failed", "exit": 2, "seconds": 0.01}, "› shell make test  ✗ exit 2"),
        ({"status": "denied"}, "› shell make test  ✗ denied"),
        ({"status": "interrupted"}, "› shell make test  ✗ interrupted"),
    ],
)
def test_a_call_is_one_line(fields: dict[str, Any], line: str) -> None:
    arguments = '{"command": "make\\n test"}'
    started = stored("ToolStarted", call_id="c", name="shell", arguments=arguments)
    finished = stored("ToolFinished", call_id="c", name="shell", text="output", **fields)
    assert shown(started, finished) == [line]


def test_what_was_learned_is_told_when_it_is_on_disk_or_proposed() -> None:
    change: dict[str, Any] = {
        "kind": "skill",
        "name": "deploy",
        "action": "create",
        "actor": "agent",
    }
    view = View(PLAIN)
    assert not shown(stored("ChangeIntended", 5, status="candidate", **change), view=view)
    told = "learned: created `deploy` · /learned"
    assert shown(stored("ChangeMade", 6, id=5), view=view) == [told]
    assert not shown(stored("ChangeMade", 7, id=5), view=view)
    proposed = shown(stored("ChangeIntended", 8, status="proposed", **change), view=view)
    assert proposed == [told.replace("learned:", "proposed:")]


def test_own_words_are_not_repeated_and_others_are_shown() -> None:
    view = View(PLAIN, {"i1"})
    spoke = {"text": "one\ntwo"}
    assert not shown(stored("UserSpoke", input="i1", **spoke), view=view)
    assert shown(stored("UserSpoke", input="i2", **spoke), view=view) == ["", "› one", "  two"]


def test_another_model_than_the_chosen_one_is_named() -> None:
    started = stored("RunStarted", cause="i", model="large")
    reply = stored("ModelReplied", text="x", model="small")
    assert shown(started, reply, reply) == ["x", "· answered by small, not large", "x"]


HOSTILE = "\x1b]0;title\x07\x1b[2Jred\x9b31m\r\x00"


@pytest.mark.parametrize(
    "event",
    [
        stored("ModelReplied", text=HOSTILE),
        stored("UserSpoke", input="i", text=HOSTILE),
        stored("Noticed", text=HOSTILE),
        stored("RunFinished", reason="failed", error=HOSTILE),
        stored("RunParked", reason=HOSTILE),
        stored("QuestionAsked", call_id="c", question=HOSTILE, choices=[HOSTILE]),
        stored("ApprovalRequested", call_id="c", name="shell", action=HOSTILE, reason=HOSTILE),
        stored("ChangeIntended", 1, kind="user", name=HOSTILE, action="add", status="proposed"),
        stored("ToolFinished", call_id="c", name="shell", status="ok", text=HOSTILE),
    ],
    ids=lambda event: str(event["event"]["type"]),
)
def test_nothing_that_is_shown_steers_the_terminal(event: dict[str, Any]) -> None:
    view = View(PLAIN)
    view.verbose = True
    text = "\n".join(shown(event, view=view))
    assert clean(text) == text


@given(st.text(max_size=40), st.integers(2, 20))
def test_a_cut_text_fits(text: str, room: int) -> None:
    assert width(cut(clean(text).replace("\n", ""), room)) <= room


@given(st.text(st.sampled_from("ab漢 "), max_size=300), st.integers(4, 40))
def test_rows_are_the_end_of_the_line_in_pieces_that_fit(line: str, room: int) -> None:
    broken = rows(line, room)
    assert line.endswith("".join(broken))
    assert all(width(row) <= room for row in broken)


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "7", '"x"', '{"n": 1}', '{"path": 3}'])
def test_arguments_that_are_not_as_they_should_be_are_no_trouble(arguments: str) -> None:
    assert isinstance(subject(arguments), str)


def test_short_pastes_stay_and_long_ones_are_marked_until_they_are_sent() -> None:
    pastes = Pastes()
    assert pastes.take("short\r\npaste") == "short\npaste"
    long = "x" * (LONGEST + 1)
    first, second = pastes.take(long), pastes.take(long + "y")
    assert first != second
    assert pastes.expand(f"a {first} b {second}") == f"a {long} b {long}y"
    assert pastes.marks_in(f"a {second}") == [second]


@pytest.mark.parametrize(
    ("text", "command"),
    [("/help", True), ("/queue do it", True), ("/etc/hosts is odd", False), ("/", False),
     ("", False), ("a /help", False), ("//x", False)],
)  # fmt: skip
def test_a_command_is_a_word_behind_a_slash(text: str, command: bool) -> None:
    assert is_command(text) is command


def test_a_conversation_is_shown_from_its_last_words_or_the_first_unseen_answer() -> None:
    past = []
    for number in range(3):
        past.append(stored("UserSpoke", 10 * number + 1, input="i", text="x"))
        past.append(stored("UserSpoke", 10 * number + 2, input="i", text="x", steering=True))
        past.append(stored("Answered", 10 * number + 3, text="y"))
    assert beginning(past, seen=0) == 6
    assert beginning(past, seen=23) == 6
    assert beginning(past, seen=3) == 3
    assert beginning([], seen=0) == 0


def test_the_phase_tells_what_is_done_how_long_and_how_full() -> None:
    phase = Phase("large", 1000)
    assert phase.line(80) == "large"
    begun = stored("RunStarted", cause="i", model="large", provider="p")
    begun["at"] -= 65
    phase.add(begun)
    assert phase.line(80).startswith("thinking · 1 min 5 s")
    phase.add(stored("ModelReplied", text="", usage={"prompt": 240, "completion": 10}))
    call: dict[str, Any] = {"call_id": "c", "name": "shell", "arguments": '{"command": "make"}'}
    phase.add(stored("ToolStarted", **call))
    assert phase.line(80).startswith("running shell make · ")
    assert phase.line(80).endswith("250 tokens · context 25 % · large")
    assert len(phase.line(20)) <= 20
    phase.add(stored("ApprovalRequested", call_id="c", name="shell", action="", reason=""))
    assert phase.line(80).startswith("waiting for you")
    phase.add(stored("RunFinished", reason="done"))
    assert not phase.working
