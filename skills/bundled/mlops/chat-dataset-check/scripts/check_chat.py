"""Checks chat training data in JSON lines, example by example, and converts it to `messages`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "chatgpt": "assistant"}
ROLES |= {"model": "assistant", "function_call": "assistant", "observation": "tool"}
KNOWN = ("system", "developer", "user", "assistant", "tool")
SHOWN = 5

Message = dict[str, Any]


def messages_of(example: Any) -> tuple[str, list[Message]]:
    """The form an example has, and its messages in one form; ValueError if it has none."""
    if not isinstance(example, dict):
        raise ValueError("is no object")
    if isinstance(example.get("messages"), list):
        return "messages", [_named(one, "role", "content") for one in example["messages"]]
    if isinstance(example.get("conversations"), list):
        told = [_named(one, "from", "value") for one in example["conversations"]]
        if isinstance(example.get("system"), str) and example["system"]:
            told.insert(0, {"role": "system", "content": example["system"]})
        return "sharegpt", told
    if "instruction" in example and "output" in example:
        asked = "\n\n".join(p for p in (example["instruction"], example.get("input")) if p)
        return "alpaca", _pair(asked, example["output"])
    if "prompt" in example and "completion" in example:
        return "prompt", _pair(example["prompt"], example["completion"])
    raise ValueError(f"has none of messages, conversations, instruction, prompt: {list(example)}")


def _named(one: Any, role: str, content: str) -> Message:
    if not isinstance(one, dict):
        raise ValueError("has a message that is no object")
    spoken = str(one.get(role, one.get("role", one.get("from", ""))))
    text = one.get(content, one.get("content", one.get("value")))
    more = {key: one[key] for key in ("tool_calls", "tool_call_id", "name", "weight") if key in one}
    return {"role": ROLES.get(spoken, spoken), "content": text, **more}


def _pair(asked: Any, answer: Any) -> list[Message]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def faults(messages: list[Message]) -> Iterator[str]:
    """What is wrong with one conversation, in words that can be counted."""
    roles = [message["role"] for message in messages]
    if not messages:
        yield "no messages"
        return
    for role in sorted(set(roles) - set(KNOWN)):
        yield f"unknown role {role!r}"
    if "assistant" not in roles:
        yield "no assistant message"
    elif roles[-1] != "assistant":
        yield f"ends with {roles[-1]}, nothing to learn from it"
    if any(role in ("system", "developer") for role in roles[1:]):
        yield "system message after the first"
    spoken = [role for role in roles if role not in ("system", "developer")]
    if spoken and spoken[0] != "user":
        yield f"begins with {spoken[0]}"
    if any(a == b and a in ("user", "assistant") for a, b in zip(spoken, spoken[1:], strict=False)):
        yield "same role twice in a row"
    for message in messages:
        yield from _content_faults(message)
    yield from _call_faults(messages)


def _content_faults(message: Message) -> Iterator[str]:
    content, role = message["content"], message["role"]
    if content is not None and not isinstance(content, str | list):
        yield f"{role} content is {type(content).__name__}"
        return
    if not content or (isinstance(content, str) and not content.strip()):
        if not message.get("tool_calls") and role != "tool":
            yield f"empty {role} content"
        return
    text = content if isinstance(content, str) else json.dumps(content)
    if "\ufffd" in text:
        yield "replacement character (wrong encoding)"
    if any(
        mark in text for mark in ("<|im_start|>", "<|im_end|>", "<|eot_id|>", "[/INST]", "</s>")
    ):
        yield "template tokens inside the text"


def _call_faults(messages: list[Message]) -> Iterator[str]:
    """Every tool call has one answer, every answer a call, all arguments are JSON."""
    open_: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            answered = str(message.get("tool_call_id", ""))
            if answered and answered not in open_:
                yield "tool answer without its call"
            open_.discard(answered)
        elif open_:
            yield "tool call without an answer"
            open_ = set()
        for call in message.get("tool_calls") or []:
            open_.add(str(call.get("id", "")))
            given = call.get("function", call).get("arguments", "{}")
            if isinstance(given, str) and not _is_json(given):
                yield "tool call arguments are no JSON"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class Audit:
    """What was found so far."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.forms: Counter[str] = Counter()
        self.lines: dict[str, list[int]] = {}
        self.seen: dict[bytes, int] = {}
        self.lengths: list[int] = []

    def fault(self, what: str, line: int) -> None:
        known = self.lines.setdefault(what, [])
        if line not in known[-1:]:
            known.append(line)

    def take(self, line: int, text: str) -> list[Message] | None:
        """The messages of one line, None if it has a fault."""
        before = sum(map(len, self.lines.values()))
        try:
            form, messages = messages_of(json.loads(text))
        except ValueError as error:
            broken = isinstance(error, json.JSONDecodeError)
            self.fault("no JSON" if broken else str(error)[:100], line)
            return None
        self.forms[form] += 1
        for what in faults(messages):
            self.fault(what, line)
        whole = json.dumps(messages, ensure_ascii=False)
        self.lengths.append(len(whole) // 4)
        if self.limit and self.lengths[-1] > self.limit:
            self.fault(f"longer than {self.limit} tokens (by 4 characters each)", line)
        if self.seen.setdefault(hashlib.sha256(whole.encode()).digest(), line) != line:
            self.fault("copy of an earlier line", line)
        return messages if sum(map(len, self.lines.values())) == before else None


def report(audit: Audit) -> list[str]:
    lengths = sorted(audit.lengths) or [0]
    middle, high = lengths[len(lengths) // 2], lengths[int(0.95 * (len(lengths) - 1))]
    forms = ", ".join(f"{form} {count}" for form, count in audit.forms.most_common())
    lines = [f"examples: {len(audit.lengths)} ({forms or 'none'})"]
    lines.append(f"tokens, about: median {middle}, 95 % below {high}, longest {lengths[-1]}")
    if len(audit.forms) > 1:
        lines.append("ERROR several forms in one file: convert it with --write")
    for what, where in sorted(audit.lines.items(), key=lambda item: -len(item[1])):
        more = " …" if len(where) > SHOWN else ""
        lines.append(
            f"ERROR {what}: {len(where)} (lines {', '.join(map(str, where[:SHOWN]))}{more})"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines")
    parser.add_argument("--limit", type=int, default=0, help="most tokens of an example")
    parser.add_argument("--write", type=Path, help="write the faultless examples as `messages`")
    options = parser.parse_args()
    audit, kept = Audit(options.limit), []
    try:
        with options.file.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip() and (messages := audit.take(number, line)) is not None:
                    kept.append(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
        if options.write:
            options.write.write_text("".join(kept), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read {options.file}: {error}\n")
        return 2
    lines = report(audit)
    if options.write:
        lines.append(f"{options.write}: {len(kept)} examples written")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(not audit.lengths or any(line.startswith("ERROR") for line in lines))


if __name__ == "__main__":
    sys.exit(main())
