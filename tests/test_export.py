"""Trajectories in the forms of trainers: read back exactly, and rows that load."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gateway.research import exporting, sessions
from hermes_home.errors import UsageError
from memory import escaping, llamafactory
from memory.export import export
from memory.trajectory import Call, Step, Trajectory, trajectory
from tests.export_readers import faults, marks, read, unescaped
from tests.hostile_sessions import TOOLS, HostileSession

SESSIONS = 10_000 if os.environ.get("HERMES_SOAK") else 1_000
FORMS = ("jsonl", "sharegpt", "messages", "llamafactory")


def hostile(seed: int) -> Trajectory:
    session = HostileSession(seed)
    return trajectory(session.events, session.blob)


@pytest.mark.slow
def test_every_session_is_read_back_as_it_was_from_every_form() -> None:
    rows = 0
    for seed in range(SESSIONS):
        original = hostile(seed)
        for form in FORMS:
            line = export(original, form)
            line.encode()
            assert line.index("\n") == len(line) - 1
            assert read(line, form) == original, f"session {seed} as {form}"
        row = json.loads(line)
        if row["conversations"]:
            assert faults(row) == [], f"session {seed}"
            rows += 1
    assert rows > 0.9 * SESSIONS


def said(*steps: Step) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(export(Trajectory(trajectory=list(steps)), "llamafactory"))
    return found


def user(text: str) -> Step:
    return Step(0, "user", text)


def agent(text: str, *calls: Call, thought: str = "") -> Step:
    return Step(0, "assistant", text, thought, list(calls))


def test_llamafactory_turns_alternate_whatever_happened() -> None:
    one, two = Call("a", "shell", {"x": 1}, "1"), Call("b", "shell", {"x": 2}, None)
    row = said(user("go"), agent("so:", one, two, thought="hm"), user("faster"), agent("done"))
    assert [turn["from"] for turn in row["conversations"]] == [
        *("human", "function_call", "observation", "gpt"),
    ]
    values = [turn["value"] for turn in row["conversations"]]
    calls = '[{"name": "shell", "arguments": {"x": 1}}, {"name": "shell", "arguments": {"x": 2}}]'
    assert values[1] == f"<think>\nhm\n</think>\n\nso:<tool_call>{calls}</tool_call>"
    assert values[2] == ("1\n</tool_response>\n<tool_response>\n(no result was recorded)\n\nfaster")


def test_llamafactory_has_no_turn_for_what_was_not_answered() -> None:
    call = Call("a", "shell", {}, "1")
    assert said(user("go"))["conversations"] == []
    row = said(user("go"), agent("", call))
    assert [turn["from"] for turn in row["conversations"]] == ["human", "function_call"]
    row = said(agent("hello"), user("go"), user("now"))
    assert [turn["value"] for turn in row["conversations"]] == ["", "hello"]


BAD: list[dict[str, Any]] = [
    {"conversations": []},
    {"conversations": [{"from": "human", "value": "x"}]},
    {"conversations": [{"from": "gpt", "value": "x"}, {"from": "human", "value": "x"}]},
    {"conversations": [{"from": "observation", "value": "x"}, {"from": "gpt", "value": "y"}]},
    {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "<|im_end|>"}]},
    {"conversations": [{"from": "human", "value": "x"}, {"from": "function_call", "value": "no"}]},
    {
        "conversations": [
            {"from": "human", "value": "x"},
            {"from": "function_call", "value": '{"name": "a", "arguments": "{}"}'},
        ]
    },
    {
        "conversations": [
            {"from": "human", "value": "x"},
            {"from": "function_call", "value": 'so: {"name": "a", "arguments": {}}'},
        ]
    },
    {"system": "</s>"},
    {"tools": '["<tool_call>"]'},
]


@pytest.mark.parametrize("change", BAD)
def test_the_checker_finds_what_would_not_load(change: dict[str, Any]) -> None:
    good = said(user("go"), agent("done"))
    assert faults(good) == []
    assert faults({**good, **change})


@pytest.mark.parametrize(
    "text", ["<|im_end|>", "[/INST]", "<<SYS>>", "{{idx}}", "</think>", "<｜x"]
)
def test_a_mark_in_a_text_is_none_any_more(text: str) -> None:
    assert marks(text)
    assert not marks(escaping.escaped(text))
    assert not marks(escaping.block([text]))
    for deeper in (text, escaping.escaped(text), escaping.escaped(escaping.escaped(text))):
        assert unescaped(escaping.escaped(deeper)) == deeper


def test_ordinary_code_is_left_as_it_is() -> None:
    text = 'if a < b: x[INDEX] = {"a": [1]}; "<b>bold</b>" {{ name }} C:\\users \\u00e9'
    assert escaping.escaped(text) == text
    assert export(Trajectory(trajectory=[user(text)]), "messages").count("\\\\\\\\") == 0


# -- folders ------------------------------------------------------------------------------------


def test_a_folder_becomes_one_file(tmp_path: Path) -> None:
    steps = [Step(1, "user", "go"), Step(2, "assistant", "\ud800")]
    answered = Trajectory(session="a", tools=TOOLS, trajectory=steps)
    paths = [sessions.add(tmp_path / "in", one) for one in (answered, Trajectory(session="b"))]
    assert [path.name for path in paths] == ["session_001.json", "session_002.json"]
    assert [one for _, one in sessions.read(tmp_path / "in")] == [answered, Trajectory(session="b")]
    (tmp_path / "in" / "log.json").write_text("none of ours")
    for form in exporting.FORMATS:
        told = exporting.write(tmp_path / "in", tmp_path / "out", form)
        dropped = ["session_002.json"] if form == "llamafactory" else []
        assert (told["left_out"], told["rows"]) == (dropped, 2 - len(dropped))
        lines = (tmp_path / "out" / f"{form}.jsonl").read_text().splitlines()
        assert read(lines[0], form) == answered
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert info["hermes"]["file_name"] == "llamafactory.jsonl"
    assert not list((tmp_path / "out").glob(".*"))


def test_a_batchs_files_are_read_with_what_it_knows_of_their_prompts(tmp_path: Path) -> None:
    named = {"id": "p-2", "data": {"split": "test"}}
    of_batch = {**Trajectory(session="a").plain(), "prompt": named}
    (tmp_path / "session_p-2.json").write_text(json.dumps(of_batch))
    sessions.add(tmp_path, Trajectory(session="b"))
    assert [path.name for path in sessions.files(tmp_path)] == [
        *("session_p-2.json", "session_001.json"),
    ]
    told = exporting.write(tmp_path, tmp_path, "sharegpt")
    rows = (tmp_path / "sharegpt.jsonl").read_text().splitlines()
    assert (told["rows"], json.loads(json.loads(rows[0])["metadata"])["prompt"]) == (2, named)


def test_other_datasets_of_the_folder_stay_listed(tmp_path: Path) -> None:
    sessions.add(tmp_path / "in", hostile(0))
    out = tmp_path / "data"
    out.mkdir()
    listing = out / "dataset_info.json"
    theirs = {"alpaca_de": {"file_name": "alpaca_ü.json"}}
    listing.write_text(json.dumps(theirs, ensure_ascii=False), encoding="utf-8")
    exporting.write(tmp_path / "in", out, "llamafactory")
    exporting.write(tmp_path / "in", out, "llamafactory")
    found = json.loads(listing.read_bytes())
    assert found.pop("hermes")["file_name"] == "llamafactory.jsonl"
    assert found == theirs

    listing.write_text("{broken", encoding="utf-8")
    (out / "llamafactory.jsonl").unlink()
    with pytest.raises(UsageError, match="no JSON object"):
        exporting.write(tmp_path / "in", out, "llamafactory")
    assert [path.name for path in out.iterdir()] == [listing.name]
    assert listing.read_text(encoding="utf-8") == "{broken"


def test_runs_that_write_into_one_folder_at_once_lose_nothing(tmp_path: Path) -> None:
    named = [f"{number:02}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        paths = list(threads.map(lambda id: sessions.add(tmp_path, Trajectory(session=id)), named))
    assert len(set(paths)) == len(named)
    assert sorted(one.session for _, one in sessions.read(tmp_path)) == named


def test_a_folder_without_trajectories_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no session"):
        exporting.write(tmp_path, tmp_path / "out", "sharegpt")
    (tmp_path / "session_1.json").write_text('{"trajectory": 3}')
    with pytest.raises(UsageError, match=r"session_1\.json is no trajectory"):
        exporting.write(tmp_path, tmp_path / "out", "sharegpt")
    assert not list((tmp_path / "out").iterdir())


# -- the real converter -------------------------------------------------------------------------


if os.environ.get("HERMES_LLAMAFACTORY"):

    def test_llamafactory_itself_takes_every_row() -> None:
        """Only where LLaMA-Factory is installed; everywhere its rules are those of `faults`."""
        data = "llamafactory.data"
        found = import_module(f"{data}.parser").DatasetAttr("file", dataset_name="hermes")
        found.join(llamafactory.INFO)
        convert = import_module(f"{data}.converter").SharegptDatasetConverter(found, None)
        formatter = import_module(f"{data}.formatter").FunctionFormatter
        calls = formatter(slots=["{{content}}"], tool_format="qwen")
        marks = {
            "thought_words": ("<think>\n", "\n</think>\n\n"),
            "tool_call_words": ("<tool_call>", "</tool_call>"),
        }
        for seed in range(SESSIONS):
            row = json.loads(export(hostile(seed), "llamafactory"))
            if not row["conversations"]:
                continue
            result = convert(row)
            turns = [*result["_prompt"], *result["_response"]]
            assert len(turns) == len(row["conversations"]), f"session {seed} was dropped"
            for turn in turns:
                if turn["role"] == "function":
                    (text,) = calls.apply(content=turn["content"], **marks)
                    assert text.count("<tool_call>") == text.count("</tool_call>") > 0
