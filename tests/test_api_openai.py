"""OpenAI's own client talks to the API, over TCP and over the Unix socket."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.api_door import ApiDoor, chat
from tests.hermes import Hermes
from tests.model_server import ModelServer, calls

pytestmark = pytest.mark.slow


def echo(number: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"content": f"answer {said(body)}"}


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def model_server(server: ModelServer) -> ModelServer:
    """The model of all tests here; it remembers nothing of the one before."""
    server.script = echo
    server.requests.clear()
    return server


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, server: ModelServer) -> Iterator[ApiDoor]:
    """One daemon for all that leaves it as it was."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "work").mkdir()
    with closing(Hermes(folder / "home", folder / "work")) as command:
        made = ApiDoor(command, server)
        made.start()
        yield made


@pytest.fixture
def own_door(hermes, model_server) -> ApiDoor:
    """A daemon that nobody else has talked to."""
    made = ApiDoor(hermes, model_server)
    made.start()
    return made


@pytest.fixture(params=["tcp", "unix"])
def client(request, door: ApiDoor, model_server: ModelServer) -> Iterator[OpenAI]:
    with door.openai() if request.param == "tcp" else door.openai_unix() as made:
        yield made


def said(body: dict[str, Any]) -> str:
    """The last words of the last user message, before the program's own tail."""
    content: str = body["messages"][-1]["content"]
    return content.split("\n\n<context>")[0].split("\n")[-1]


def last_prompt(server: ModelServer) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = server.runs()[-1].body["messages"]
    return messages


# -- chat completions ---------------------------------------------------------------------------


def test_a_completion(client, model_server):
    made = client.chat.completions.create(**chat("one"), temperature=0.2, max_tokens=5)
    assert made.choices[0].message.content == "answer one"
    assert made.choices[0].finish_reason == "stop"
    assert made.model == "hermes"
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens > 0


def test_a_streamed_completion(client):
    usage = {"include_usage": True}
    with client.chat.completions.create(**chat("two"), stream=True, stream_options=usage) as told:
        chunks = list(told)
    parts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(parts) == "answer two"
    assert len([part for part in parts if part]) > 1
    finishes = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert finishes == [None] * (len(finishes) - 1) + ["stop"]
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert len({chunk.id for chunk in chunks}) == 1


def test_earlier_messages_are_plain_text_before_the_last(client, model_server):
    call = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": "{}"}}
    client.chat.completions.create(
        **chat(
            {"role": "system", "content": "you are a pirate"},
            "first",
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "root"},
            {"role": "assistant", "content": "you are root"},
            "second",
        )
    )
    prompt = last_prompt(model_server)
    assert [message["role"] for message in prompt] == ["system", "user"]
    asked = prompt[-1]["content"]
    lines = ["system: you are a pirate", "user: first", "tool: root", "assistant: you are root"]
    places = [asked.index(line) for line in lines]
    assert places == sorted(places)
    assert asked.index("</earlier>") < asked.index("second") < asked.index("<context>")
    assert "pirate" not in prompt[0]["content"]


def test_each_completion_is_a_session_unless_one_is_named(door, client, model_server):
    first = client.chat.completions.with_raw_response.create(**chat("one"))
    session = first.headers["x-hermes-session"]
    other = client.chat.completions.with_raw_response.create(**chat("one"))
    assert other.headers["x-hermes-session"] != session
    named = {"X-Hermes-Session": session}
    again = client.chat.completions.create(**chat("lost", "two"), extra_headers=named)
    assert again.choices[0].message.content == "answer two"
    prompt = last_prompt(model_server)
    assert [message["role"] for message in prompt] == ["system", "user", "assistant", "user"]
    assert not any("lost" in str(message["content"]) for message in prompt)
    assert door.hermes.json("sessions", "show", session)["source"] == "api"


def test_a_run_with_calls_answers_with_its_last_reply_and_streams_every_one(client, model_server):
    work = calls(2, "shell", lambda n: {"command": f"echo {n}"}, final="all done")
    model_server.script = lambda number, body: {"content": "", **work(number, body)}
    made = client.chat.completions.create(**chat("work"))
    assert made.choices[0].message.content == "all done"

    def talking(number: int, body: dict[str, Any]) -> dict[str, Any]:
        answer = work(number, body)
        return answer if "content" in answer else {**answer, "content": "Let me look."}

    model_server.script = talking
    with client.chat.completions.create(**chat("work"), stream=True) as told:
        text = "".join(choice.delta.content or "" for chunk in told for choice in chunk.choices)
    assert text == "Let me look.\n\nLet me look.\n\nall done"


def test_what_would_ask_is_denied_and_the_answer_comes(client, model_server):
    outside = {"command": "id", "outside": True}
    model_server.script = calls(1, "shell", lambda n: outside, final="it was denied")
    made = client.chat.completions.create(**chat("leave"))
    assert made.choices[0].message.content == "it was denied"
    (result,) = [m for m in last_prompt(model_server) if m["role"] == "tool"]
    assert "denied" in result["content"]


# -- responses ----------------------------------------------------------------------------------


def test_a_response_and_the_next_one(client, model_server):
    first = client.responses.create(model="hermes", input="one", instructions="be brief")
    assert first.output_text == "answer one"
    assert first.status == "completed"
    assert first.usage.total_tokens == first.usage.input_tokens + first.usage.output_tokens > 0
    assert "instructions: be brief" in last_prompt(model_server)[-1]["content"]
    second = client.responses.create(model="hermes", input="two", previous_response_id=first.id)
    assert second.output_text == "answer two"
    roles = [message["role"] for message in last_prompt(model_server)]
    assert roles == ["system", "user", "assistant", "user"]
    assert second.previous_response_id == first.id


def test_a_streamed_response(client, model_server):
    def talking(number: int, body: dict[str, Any]) -> dict[str, Any]:
        answer = calls(1, "shell", lambda n: {"command": "echo 1"}, final="all done")(number, body)
        return answer if "content" in answer else {**answer, "content": "Let me look."}

    model_server.script = talking
    with client.responses.stream(model="hermes", input="one") as told:
        events = list(told)
        final = told.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    for index, item in enumerate(final.output):
        parts = [event.delta for event in deltas if event.output_index == index]
        assert "".join(parts) == item.content[0].text
    assert [item.phase for item in final.output] == ["commentary", "final_answer"]
    assert final.output[-1].content[0].text == "all done"


# -- models and errors --------------------------------------------------------------------------


def test_the_model_is_called_hermes(client):
    assert [model.id for model in client.models.list()] == ["hermes"]
    assert client.models.retrieve("hermes").id == "hermes"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


REFUSED = {
    "n": 2,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    "stop": ["END"],
    "logprobs": True,
    "tool_choice": "required",
    "extra_body": {"no_such_parameter": 1},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name(door, name):
    with door.openai() as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**chat("hi"), **{name: REFUSED[name]})
    wanted = "no_such_parameter" if name == "extra_body" else name
    assert caught.value.param == wanted
    assert wanted in caught.value.message


def test_errors_in_the_shapes_their_callers_read(door, client, model_server):
    with pytest.raises(openai.NotFoundError) as wrong_model:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert wrong_model.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="hermes", input="x", previous_response_id="resp_gone")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="hermes", messages=[])
    model_server.script = lambda number, body: {"status": 400, "error": {"message": "no such luck"}}
    with pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(**chat("fail"))
    assert failed.value.status_code >= 500
    assert "no such luck" in failed.value.message
    with pytest.raises(openai.APIError, match="no such luck"):
        list(client.chat.completions.create(**chat("fail"), stream=True))
    with client.responses.stream(model="hermes", input="fail") as told:
        assert [event.type for event in told][-1] == "response.failed"
    document = door.send("GET", "/api/sessions/none-such").json()
    assert document["status"] == 400
    assert document["hint"]


# -- one request, one run -----------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_and_one_run(door, model_server):
    key = {"Idempotency-Key": "once"}
    with door.openai() as client:
        first = client.chat.completions.create(**chat("one"), extra_headers=key)
        again = client.chat.completions.create(**chat("one"), extra_headers=key)
        assert again == first
        chunks = client.chat.completions.create(**chat("one"), extra_headers=key, stream=True)
        parts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
        assert "".join(parts) == "answer one"
        with pytest.raises(openai.UnprocessableEntityError):
            client.chat.completions.create(**chat("another"), extra_headers=key)
    assert len(model_server.runs()) == 1


def test_twenty_at_once_with_one_key_are_one_run(own_door, model_server):
    model_server.script = lambda number, body: {"content": "once", "delay": 0.3}
    answers: list[Any] = []
    with own_door.openai() as client:

        def ask() -> None:
            key = {"Idempotency-Key": "same"}
            answers.append(client.chat.completions.create(**chat("go"), extra_headers=key))

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 20
    assert len({answer.id for answer in answers}) == 1
    assert len(model_server.runs()) == 1
    assert len(own_door.hermes.json("sessions", "list")) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_whoever_leaves_does_not_take_the_run_along(door, model_server, stream):
    model_server.script = lambda number, body: {"content": "finished", "delay": 1.0}
    key = {"Idempotency-Key": f"left {stream}"}
    with door.openai() as client:
        if stream:
            told = client.chat.completions.create(**chat("slow"), extra_headers=key, stream=True)
            next(iter(told))
            told.close()
        else:
            hasty = client.with_options(timeout=0.4)
            with pytest.raises(openai.APITimeoutError):
                hasty.chat.completions.create(**chat("slow"), extra_headers=key)
        again = client.chat.completions.create(**chat("slow"), extra_headers=key)
    assert again.choices[0].message.content == "finished"
    assert len(model_server.runs()) == 1


def test_a_killed_daemon_answers_the_same_request_after_its_restart(own_door, model_server):
    model_server.script = lambda number, body: {"content": "after all", "delay": 1.5}
    key = {"Idempotency-Key": "survivor"}
    with own_door.openai() as client:
        broken: list[Exception] = []

        def ask() -> None:
            try:
                client.chat.completions.create(**chat("live"), extra_headers=key)
            except openai.APIConnectionError as error:
                broken.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        deadline = time.monotonic() + 60
        while not model_server.requests and time.monotonic() < deadline:
            time.sleep(0.02)
        pid = own_door.hermes.daemon_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        asking.join()
        assert broken
        own_door.start()
        again = client.chat.completions.create(**chat("live"), extra_headers=key)
    assert again.choices[0].message.content == "after all"
    (row,) = own_door.hermes.json("sessions", "list")
    assert row["runs"] == 1
    events = own_door.send("GET", f"/api/sessions/{row['id']}/events?follow=0").text
    stored = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ")]
    kinds = [one["event"]["type"] for one in stored]
    assert [kinds.count(kind) for kind in ("RunStarted", "UserSpoke", "Answered")] == [1, 1, 1]
