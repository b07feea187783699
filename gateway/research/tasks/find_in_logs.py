"""`find_in_logs`: a question that several thousand lines of logs answer.

Judged by the answer alone, which the generator knows.
"""

from __future__ import annotations

import json
from random import Random

from gateway.research.tasks import logs
from gateway.research.tasks.base import Bench, Instance, Task, Verdict, loads

PROMPT = """\
{question} The logs are in the folder logs. Write the answer to answer.json, one JSON object with \
exactly these keys: {keys}."""


def draw(kind: str, draw: Random) -> Instance:
    question, files, answer = logs.KINDS[kind](draw)

    async def judge(bench: Bench) -> Verdict:
        found = loads(bench.read("answer.json"))
        if not isinstance(found, dict):
            return Verdict(False, "answer.json is missing, or no JSON object")
        wrong = [key for key in answer if found.get(key) != answer[key]]
        wrong += [key for key in found if key not in answer]
        return Verdict(not wrong, f"not right: {', '.join(wrong)[:99]}" if wrong else "all right")

    keys = ", ".join(f"{json.dumps(key)} ({_type(value)})" for key, value in answer.items())
    return Instance(PROMPT.format(question=question, keys=keys), files, judge)


def _type(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return "a list of texts"
    return "a text" if isinstance(value, str) else "a whole number"


TASK = Task(
    "find_in_logs", "answer a question from thousands of lines of logs", tuple(logs.KINDS), draw
)
