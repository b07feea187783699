"""Trying a model before it is saved: one tool call there and back, as in real work."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from agent.messages import Message
from agent.providers.base import Delta, Provider, Reply, Request
from hermes_home.errors import ProviderError

_TOOLS = (
    b'[{"type":"function","function":{"name":"read_meter","description":"Read the number that a '
    b'meter shows now.","parameters":{"type":"object","properties":{"meter":{"type":"string",'
    b'"description":"The meter\'s name"}},"required":["meter"]}}}]'
)
_SYSTEM = "You are an assistant that works with tools."
_QUESTION = "Which number does the meter named cellar show? Read it with the tool, then tell me."

_OTHER = "Choose another model."
_SERVER = (
    "Choose a model made for tool calls, or let the server parse them: llama.cpp --jinja, vLLM "
    "--enable-auto-tool-choice with --tool-call-parser."
)
_LIMIT = "Raise the server's limit of output tokens (num_predict, max_tokens) or its context size."


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Whether a model can do agent work. seconds: both requests together. problem, hint: what
    went wrong and what to do about it; empty if `ok`."""

    ok: bool
    seconds: float
    problem: str = ""
    hint: str = ""


async def try_round_trip(provider: Provider, model: str) -> RoundTrip:
    """Offer one tool, expect its call, answer it, expect the answer in the model's words."""
    begun = time.monotonic()
    try:
        problem, hint = await _converse(provider, model)
    except ProviderError as error:
        problem, hint = error.message, error.hint
    return RoundTrip(not problem, time.monotonic() - begun, problem, hint)


async def _converse(provider: Provider, model: str) -> tuple[str, str]:
    question = Message("user", _QUESTION)
    first = await _ask(provider, model, [question])
    if problem := _without_call(first):
        return problem
    number = str(1000 + secrets.randbelow(9000))
    answers = [Message("tool", number, call_id=call.id) for call in first.tool_calls]
    asked = Message("assistant", first.text, first.tool_calls)
    second = await _ask(provider, model, [question, asked, *answers])
    return _without_answer(second, number)


async def _ask(provider: Provider, model: str, messages: list[Message]) -> Reply:
    return await provider.reply(Request(model, _SYSTEM, _TOOLS, messages, "setup"), _unseen)


async def _unseen(delta: Delta) -> None:
    """Nobody watches a trial."""


def _without_call(reply: Reply) -> tuple[str, str] | None:
    if not reply.tool_calls:
        return _silent(reply) or ("The model answered without calling the tool.", _OTHER)
    call = reply.tool_calls[0]
    if call.name != "read_meter":
        return f"The model called {call.name!r}, a tool it was not offered.", _OTHER
    try:
        call.parsed()
    except ValueError as error:
        return f"The arguments of the model's tool call are not usable: {error}.", _OTHER
    return None


def _silent(reply: Reply) -> tuple[str, str] | None:
    """Why there is no call, where the reply shows it."""
    if "read_meter" in reply.text:
        return "The model writes its tool calls as text, so they cannot be carried out.", _SERVER
    if reply.finish == "length":
        return "The reply was cut off before the tool call: the output limit is small.", _LIMIT
    if not reply.text.strip():
        what = "only reasoning" if reply.reasoning else "an empty reply"
        return f"The model gave {what}, neither text nor a tool call.", _OTHER
    return None


def _without_answer(reply: Reply, number: str) -> tuple[str, str]:
    if number in reply.text.replace(",", "").replace(" ", "").replace(".", ""):
        return "", ""
    if reply.finish == "length":
        return "The answer was cut off: the output limit is small.", _LIMIT
    if reply.tool_calls and not reply.text.strip():
        return "The model called the tool again instead of using its result.", _OTHER
    return "The model's answer does not use the tool's result.", _OTHER
