"""The benchmark harness measures everything of our own agent; figures are never judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.model import Request
from tests.benchmarks.script import decide, locate, task
from tests.benchmarks.table import FLOOR, Table

ROOT = Path(__file__).parents[1]


def conversation(calls: int, name: str = "n") -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": task(name, calls)}]
    for step in range(1, calls + 1):
        call = {"id": f"c{step}", "function": {"name": "shell", "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{step}", "content": f"step-{step}"})
    return messages


def request(messages: list[dict[str, Any]]) -> Request:
    return Request(0.0, 0.0, {"messages": messages}, locate(messages), {})


def test_script_goes_on_where_the_results_say() -> None:
    messages = conversation(5)
    for results in range(5):
        call = decide(locate(messages[: 1 + 2 * results]), ["shell"])["tool_calls"][0]
        assert call["arguments"] == {"command": f"echo step-{results + 1}"}
    assert decide(locate(messages), ["shell"]) == {"content": "Done after 5 results."}


def test_a_result_that_is_not_the_steps_is_counted_as_wrong() -> None:
    messages = conversation(3)
    messages[4]["content"] = "denied"
    assert locate(messages).wrong == 1


def test_a_checkpoint_is_evaluated_once_and_does_not_move_the_script() -> None:
    asked = {"role": "user", "content": f"[self-evaluation checkpoint]\nu1: {task('n', 9)}"}
    messages = [*conversation(2), asked]
    assert decide(locate(messages), ["shell", "evaluate"])["tool_calls"][0]["name"] == "evaluate"
    call = {"id": "e", "function": {"name": "evaluate", "arguments": "{}"}}
    messages.append({"role": "assistant", "tool_calls": [call]})
    messages.append({"role": "tool", "tool_call_id": "e", "content": "noted"})
    assert decide(locate(messages), ["shell", "evaluate"]) == {"content": "Evaluated."}


def test_appending_keeps_all_of_a_prompt_and_an_early_change_only_what_precedes_it() -> None:
    messages = conversation(4)
    assert request(messages).kept_by(request([*messages, messages[-1]])) == 1
    changed = [messages[0] | {"content": "other"}, *messages[1:]]
    assert request(messages).kept_by(request(changed)) < 0.1


def test_figures_are_shown_as_multiples_of_the_floor() -> None:
    table = Table(["a", "b"])
    table.add(("m", "f", "ms"), FLOOR, 2.0, floor="nothing")
    table.add(("m", "f", "ms"), "a", 3.0, 5.0, 100.0)
    assert "| m | f | 5 ms (2.50×) | – | 2 ms (nothing) |" in table.markdown()


@pytest.mark.slow
def test_smallest_run_fills_the_whole_table_for_our_agent(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--peers", "--json", str(path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=280)
    found = json.loads(path.read_text())
    measures = {row["measure"] for row in found["rows"]}
    assert measures == {
        "client start", "say hi", "tool calls, shell", "tool calls, read",
        "fixed prompt", "prefix kept", "idle daemon", "store", "skills", "API, 50 chats at once",
        "batch, 4 workers × 5 calls",
    }  # fmt: skip
    assert [row["figure"] for row in found["rows"] if "hermes" not in row["samples"]] == []
    assert len(found["notes"]) == 1, found["notes"]
