"""Schemas from signatures, arguments as models write them, and the cutting of long output."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.messages import ToolCall
from agent.tools.ask import ask_tools
from agent.tools.base import Tool, ToolContext, ToolResult, no_effects
from agent.tools.files import file_tools
from agent.tools.output import LIMIT, BoundedOutput, clean
from agent.tools.schema import tool
from agent.tools.search import search_tools
from agent.tools.shell import Shells, shell_tools
from agent.tools.todo import todo_tools
from agent.tools.toolbox import Toolbox
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from tests.toolbench import ToolBench

pytestmark = pytest.mark.anyio


@dataclass
class Place:
    name: str
    depth: int = 0


class Operation(TypedDict, total=False):
    action: Literal["add", "remove"]
    text: str


class Lesson(msgspec.Struct):
    text: str
    evidence: list[int] = []


async def everything(
    context: ToolContext,
    text: Annotated[str, "some words"],
    count: int = 1,
    share: float = 0.5,
    sure: bool = False,
    kind: Literal["a", "b"] = "a",
    names: list[str] | None = None,
    places: list[Place] | None = None,
    operations: list[Operation] | None = None,
    lessons: list[Lesson] | None = None,
) -> ToolResult:
    """Do everything
    at once.

    This paragraph is for people.
    """
    given = (text, count, share, sure, kind, names, places, operations, lessons)
    return ToolResult(repr(given))


TOOL = tool(everything, effects=no_effects)


def accepted(**arguments: Any) -> dict[str, Any]:
    return TOOL.accept({"text": "x", **arguments})


def refusal(**arguments: Any) -> str:
    with pytest.raises(ToolError) as refused:
        accepted(**arguments)
    return str(refused.value)


# -- schemas ------------------------------------------------------------------------------------


def test_a_schema_is_made_from_the_signature():
    assert (TOOL.name, TOOL.description) == ("everything", "Do everything at once.")
    properties = TOOL.parameters["properties"]
    assert TOOL.parameters["required"] == ["text"]
    assert properties["text"] == {"type": "string", "description": "some words"}
    assert properties["kind"] == {"type": "string", "enum": ["a", "b"]}
    assert properties["names"] == {"type": "array", "items": {"type": "string"}}
    assert properties["places"]["items"]["required"] == ["name"]
    assert "required" not in properties["operations"]["items"]
    assert properties["lessons"]["items"]["properties"]["evidence"]["items"] == {"type": "integer"}
    assert "context" not in properties


def test_a_parameter_no_model_can_write_is_refused_at_once():
    async def odd(context: ToolContext, where: Path) -> ToolResult:
        raise AssertionError

    with pytest.raises(TypeError, match="Path"):
        tool(odd, effects=no_effects)


def all_tools(home: Home, workspace: Path) -> list[Tool]:
    shells = Shells(home, workspace, sandbox=None)
    return [
        *shell_tools(shells),
        *file_tools(home),
        *search_tools(home, shells),
        *todo_tools(),
        *ask_tools(),
    ]


def test_the_schemas_are_small_and_the_same_each_time(home: Home, tmp_path: Path):
    one = Toolbox(lambda: all_tools(home, tmp_path), str).schemas
    assert one == Toolbox(lambda: all_tools(home, tmp_path), str).schemas
    assert len(one) < 4500
    names = [entry["function"]["name"] for entry in json.loads(one)]
    assert names == [
        "shell", "process", "read_file", "write_file", "patch", "search_files", "todo", "ask",
    ]  # fmt: skip
    assert {entry["type"] for entry in json.loads(one)} == {"function"}


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        Toolbox(lambda: [TOOL, TOOL], str).get(TOOL.name)


# -- arguments ----------------------------------------------------------------------------------


def test_arguments_are_converted_to_what_the_function_takes():
    taken = accepted(places=[{"name": "n", "depth": "2"}], lessons=[{"text": "t", "evidence": [1]}])
    assert taken["places"] == [Place("n", 2)]
    assert taken["lessons"] == [Lesson("t", [1])]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"count": "3"}, {"count": 3}),
        ({"count": 3.0}, {"count": 3}),
        ({"share": 1}, {"share": 1.0}),
        ({"sure": "true"}, {"sure": True}),
        ({"sure": "False"}, {"sure": False}),
        ({"names": "one"}, {"names": ["one"]}),
        ({"names": '["a", "b"]'}, {"names": ["a", "b"]}),
        ({"operations": {"text": "t"}}, {"operations": [{"text": "t"}]}),
        ({"count": None, "names": None}, {}),
    ],
)
def test_what_models_write_instead_is_understood(written: dict[str, Any], meant: dict[str, Any]):
    assert accepted(**written) == {"text": "x", **meant}


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"count": "many"}, ["`count`", '"many"', "a whole number"]),
        ({"count": 1.5}, ["`count`", "a whole number"]),
        ({"count": True}, ["`count`", "a whole number"]),
        ({"count": "9" * 5000}, ["`count`", "a whole number"]),
        ({"share": "nan"}, ["`share`", "a number"]),
        ({"sure": "perhaps"}, ["`sure`", "true or false"]),
        ({"kind": "c"}, ["`kind`", "a, b"]),
        ({"text": 5}, ["`text`", "a text"]),
        ({"text": None}, ["`text`", "a text"]),
        ({"txet": "y"}, ["`txet`", "did you mean `text`"]),
        ({"zzzzzz": 1}, ["`zzzzzz`", "`operations`"]),
        ({"operations": [{"action": "drop"}]}, ["`operations[0].action`", "add, remove"]),
        ({"operations": [{}, {"txt": "y"}]}, ["`txt`", "`operations[1]`", "`text`"]),
        ({"places": [{"depth": 1}]}, ["`name`", "`places[0]`", "missing"]),
        ({"places": [5]}, ["`places[0]`", "an object with `name`, `depth`"]),
    ],
)
def test_a_refusal_names_the_argument_and_what_it_takes(written: dict[str, Any], named: list[str]):
    said = refusal(**written)
    assert all(part in said for part in named), said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from([*TOOL.parameters["properties"], "other"]), json_values))
def test_any_arguments_are_accepted_or_refused_in_words(written: dict[str, Any]):
    with suppress(ToolError):
        assert set(TOOL.accept(written)) <= set(written)


@pytest.mark.parametrize("written", ["[1]", "{", "nope", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_refused(written: str):
    box = Toolbox(lambda: [TOOL], str)
    with pytest.raises(ToolError, match="not a JSON object"):
        box.arguments(TOOL, ToolCall("c", "everything", written))


def test_an_unknown_tool_is_answered_with_the_nearest_name():
    box = Toolbox(lambda: [TOOL], str)
    assert box.get("everythin") is None
    assert "did you mean everything" in box.unknown("everythin")
    assert "there are everything" in box.unknown("zzz")


# -- running ------------------------------------------------------------------------------------


def printing(text: str, **more: Any) -> Tool:
    async def show(context: ToolContext) -> ToolResult:
        return ToolResult(text, **more)

    return tool(show, effects=no_effects)


async def test_long_output_is_cut_in_the_middle_and_kept_whole(home: Home, tmp_path: Path):
    text = "\n".join(f"line {number}" for number in range(5000))
    bench = ToolBench(home, tmp_path, [printing(text, exit=3, failed=True), *file_tools(home)])
    outcome = await bench.call("show")
    assert (outcome.failed, outcome.exit) == (True, 3)
    assert len(outcome.text) <= LIMIT
    assert outcome.text.startswith("line 0\nline 1\n")
    assert outcome.text.endswith("\nline 4998\nline 4999")
    assert f"files/{outcome.file}" in outcome.text
    assert (home.files / outcome.file).read_text() == text
    shown = outcome.text.split("\n")
    head, tail = shown.index(next(line for line in shown if line.startswith("[…"))), len(shown)
    assert f"{5000 - (tail - 1):,} lines" in shown[head]
    page = await bench.call("read_file", path=f"files/{outcome.file}", offset=2000, limit=2)
    assert "line 1999\nline 2000\n" in page.text


async def test_output_at_the_limit_is_left_alone(home: Home, tmp_path: Path):
    bench = ToolBench(home, tmp_path, [printing("x" * LIMIT)])
    outcome = await bench.call("show")
    assert (outcome.text, outcome.file) == ("x" * LIMIT, "")


@given(st.text(alphabet="ab\n\r\x1b[;mé", max_size=200), st.integers(80, 2000))
def test_cut_output_is_never_over_the_limit(pattern: str, times: int):
    kept: list[str] = []
    outcome = run_once(pattern * times, kept)
    assert len(outcome) <= LIMIT
    assert not kept or len(kept[0]) > LIMIT


def run_once(text: str, kept: list[str]) -> str:
    def store(whole: str) -> str:
        kept.append(whole)
        return "0" * 64

    box, shown = Toolbox(lambda: [printing(text)], store), printing(text)
    call = box.execute(shown, {}, ToolContext("s", "r", "c", Path("/")))
    try:
        call.send(None)
    except StopIteration as finished:
        outcome: str = finished.value.text
        return outcome
    raise AssertionError("a tool that waits for nothing waited")


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("\x1b[31mred\x1b[0m plain", "red plain"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("bell\x07 and\x08 null\x00 tab\t", "bell and null tab\t"),
        ("\x9bC1", "C1"),
        ("half \ud800 pair", "half  pair"),
        ("ünïcödé → 漢字 🙂", "ünïcödé → 漢字 🙂"),
    ],
)
def test_output_is_read_as_a_terminal_would_show_it(printed: str, read: str):
    assert clean(printed) == read


async def test_an_unexpected_fault_is_a_failed_result_and_logged(
    caplog: pytest.LogCaptureFixture, home: Home, tmp_path: Path
):
    async def broken(context: ToolContext) -> ToolResult:
        raise KeyError("oops")

    bench = ToolBench(home, tmp_path, [tool(broken, effects=no_effects)])
    with caplog.at_level(logging.ERROR):
        outcome = await bench.call("broken")
    assert outcome.failed
    assert "KeyError" in outcome.text
    assert caplog.records[0].exc_info


async def test_a_tool_error_is_told_with_its_hint(home: Home, tmp_path: Path):
    async def refusing(context: ToolContext) -> ToolResult:
        raise ToolError("no such thing", "Try another.")

    bench = ToolBench(home, tmp_path, [tool(refusing, effects=no_effects)])
    outcome = await bench.call("refusing")
    assert (outcome.failed, outcome.text) == (True, "no such thing\n  Try another.")


@given(st.lists(st.binary(max_size=50)))
def test_bounded_output_keeps_the_first_and_the_last(pieces: list[bytes]):
    kept = BoundedOutput(head=20, tail=30)
    for piece in pieces:
        kept.add(piece)
    whole, text = b"".join(pieces), kept.text()
    if not kept.full:
        assert text == whole.decode(errors="replace") or len(whole) > 20
    else:
        assert text.startswith(whole[:20].decode(errors="replace")[:5])
        assert "bytes are left out here" in text


async def test_the_todo_list_is_rendered_and_its_states_are_checked(home: Home, tmp_path: Path):
    bench = ToolBench(home, tmp_path, todo_tools())
    items = [{"text": "one", "status": "done"}, {"text": "two", "status": "doing"}]
    outcome = await bench.call("todo", items=items)
    assert outcome.text == "[x] one\n[>] two\n1 of 2 done"
    assert outcome.details["items"] == items
    with pytest.raises(ToolError, match="open, doing, done"):
        bench.judged("todo", items=[{"text": "x", "status": "finished"}])


async def test_a_question_is_not_answered_by_the_tool_itself(home: Home, tmp_path: Path):
    bench = ToolBench(home, tmp_path, ask_tools())
    assert bench.effects("ask", question="why?")[0].kind == "ask"
    assert (await bench.call("ask", question="why?")).failed
