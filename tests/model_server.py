"""A scripted chat-completions server on loopback: what it answers is told by the test.

    with ModelServer([{"content": "hello"}]) as server:
        OpenAIChat("test", server.url) ...

What an answer may hold: `tests/model_answers.py`.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests import prefix_meter
from tests.loopback_http import HttpHandler, HttpServer
from tests.model_answers import Answer, completion, stream

Script = Callable[[int, dict[str, Any]], Answer | None] | Sequence[Answer]

CHECKPOINT = "[self-evaluation checkpoint]"
COMPACTION = "[compaction]"

EVALUATION = {
    "accomplished": "What was asked for.",
    "worked": "Each call.",
    "failed": "",
    "outcome": "success",
    "lessons": [],
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request for a completion. `session`: its first user message; `number`: from 0, among
    those of its kind (run, checkpoint or compaction); `opens`: a checkpoint's first request."""

    raw: bytes
    body: dict[str, Any]
    headers: dict[str, str]
    kind: str
    number: int
    session: str
    opens: bool


def calls(
    count: int,
    name: str,
    arguments: Mapping[str, Any] | Callable[[int], Mapping[str, Any]],
    *,
    final: str = "done",
    parallel: int = 1,
) -> Callable[[int, dict[str, Any]], Answer]:
    """A script of `count` calls, then `final`. Where it stands follows from the request alone
    (tool results since the last whole answer), so a repeated request gets the same answer."""

    def script(number: int, body: dict[str, Any]) -> Answer:
        done = results_since_answer(body["messages"])
        wanted = range(done, min(count, done + parallel))
        made = [arguments(index) if callable(arguments) else arguments for index in wanted]
        tool_calls = [{"name": name, "arguments": dict(one)} for one in made]
        return {"tool_calls": tool_calls} if tool_calls else {"content": final}

    return script


def results_since_answer(messages: Sequence[Mapping[str, Any]]) -> int:
    """Tool results after the last assistant message that called nothing."""
    count = 0
    for message in reversed(messages):
        if message["role"] == "assistant" and not message.get("tool_calls"):
            break
        count += message["role"] == "tool"
    return count


class ModelServer:
    """Runs in a thread from `with` to its end.

    script: a list of answers, taken in order ({"content": "done"} when it is used up), or a
    function of the request's number and body. checkpoint: the same for self-evaluations; without
    one, or where it gives None, `evaluate` is called with EVALUATION and then nothing more.
    routes: JSON for other paths, or a function of the parsed request body (None = 404).
    """

    def __init__(
        self,
        script: Script = (),
        *,
        checkpoint: Script = (),
        models: Sequence[Mapping[str, Any]] = ({"id": "scripted"},),
        routes: Mapping[str, Any] | None = None,
        port: int = 0,
    ) -> None:
        self.script = script
        self.checkpoint = checkpoint
        self.requests: list[Received] = []
        self.checkpoints = 0
        self.client_left = threading.Event()
        self.closing = threading.Event()
        self.routes = {"/v1/models": {"object": "list", "data": list(models)}} | dict(routes or {})
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    @property
    def connections(self) -> int:
        """How many there were."""
        return self._server.accepted

    def runs(self) -> list[Received]:
        """The requests that were no checkpoints and no compactions."""
        return [request for request in self.requests if request.kind == "run"]

    def prefix_breaks(self) -> list[int]:
        """Which of `runs()` do not extend their session's request before them byte for byte."""
        return prefix_meter.breaks([(one.session, one.raw) for one in self.runs()])

    def checkpoint_prefix_ok(self) -> bool:
        """Whether each checkpoint began with what the run's next request holds, byte for byte,
        plus one message. False too if there was no checkpoint."""
        steps = [(one.session, one.kind, one.opens, one.raw) for one in self.requests]
        return prefix_meter.checkpoints_fit(steps, CHECKPOINT)

    def answer(self, raw: bytes, headers: dict[str, str]) -> Answer:
        """The scripted answer to a request for a completion, which is recorded."""
        body = json.loads(raw)
        with self._lock:
            request = self._record(raw, body, headers)
            if request.kind == "checkpoint":
                return self._evaluate(request)
            scripted = _take(self.script, request.number, body)
            return {"content": "done"} if scripted is None else scripted

    def _record(self, raw: bytes, body: dict[str, Any], headers: dict[str, str]) -> Received:
        asked = [_text(one) for one in body["messages"] if one["role"] == "user"] or [""]
        last = asked[-1]
        kind = "run"
        if last.startswith(CHECKPOINT):
            kind = "checkpoint"
        elif last.startswith(COMPACTION):
            kind = "compaction"
        opens = kind == "checkpoint" and body["messages"][-1]["role"] == "user"
        number = self._counts.get(kind, 0)
        self._counts[kind] = number + 1
        request = Received(raw, body, headers, kind, number, asked[0], opens)
        self.requests.append(request)
        return request

    def _evaluate(self, request: Received) -> Answer:
        self.checkpoints += request.opens
        scripted = _take(self.checkpoint, request.number, request.body)
        if scripted is not None:
            return scripted
        if request.opens:
            return {"tool_calls": [{"name": "evaluate", "arguments": EVALUATION}]}
        return {"content": ""}


def _take(script: Script, number: int, body: dict[str, Any]) -> Answer | None:
    if callable(script):
        return script(number, body)
    return script[number] if number < len(script) else None


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content)


class _Server(HttpServer):
    def __init__(self, address: tuple[str, int], owner: ModelServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)


class _Handler(HttpHandler):
    server: _Server

    def do_GET(self) -> None:
        self._route(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:  # the client died meanwhile
            self.close_connection = True
            return
        if not self.path.endswith("/chat/completions"):
            return self._route(raw)
        owner = self.server.owner
        answer = owner.answer(raw, {name.lower(): value for name, value in self.headers.items()})
        if answer.get("delay"):
            owner.closing.wait(answer["delay"])
        if answer.get("status", 200) != 200:
            return self._json({"error": answer.get("error", "scripted")}, answer)
        if answer.get("stream") is False:
            return self._json(completion(answer, raw), answer)
        pieces = answer["raw_chunks"] if "raw_chunks" in answer else list(stream(answer, raw))
        self._stream(answer, pieces)

    def _route(self, raw: bytes) -> None:
        found = self.server.owner.routes.get(self.path)
        if callable(found):
            found = found(json.loads(raw) if raw else {})
        missing = {"error": {"message": f"no {self.path} here"}}
        self._json(found if found is not None else missing, {} if found else {"status": 404})

    def _json(self, value: Any, answer: Answer) -> None:
        data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(answer.get("status", 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self._more_headers(answer)
        self.wfile.write(data)

    def _stream(self, answer: Answer, pieces: Sequence[str | bytes]) -> None:
        stop = answer.get("stall_after", answer.get("close_after"))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self._more_headers(answer)
        encoded = [one.encode() if isinstance(one, str) else one for one in pieces[:stop]]
        chunks = [b"%x\r\n%s\r\n" % (len(one), one) for one in encoded if one]
        if pause := answer.get("pause"):
            for chunk in chunks:
                self.wfile.write(chunk)
                self.server.owner.closing.wait(pause)
        else:
            self.wfile.write(b"".join(chunks))
        if "stall_after" in answer:
            self.connection.recv(1)
            self.server.owner.client_left.set()
        if stop is None:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def _more_headers(self, answer: Answer) -> None:
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A scripted chat-completions server.")
    parser.add_argument("--calls", type=int, default=3, help="tool calls before the answer")
    parser.add_argument("--tool", default="shell", help="the tool that is called")
    parser.add_argument("--arguments", default='{"command": "echo hello"}', help="a JSON object")
    parser.add_argument("--parallel", type=int, default=1, help="calls in one reply")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    options = parser.parse_args(argv)
    arguments = json.loads(options.arguments)
    script = calls(options.calls, options.tool, arguments, parallel=options.parallel)
    with ModelServer(script, port=options.port) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(server.requests)} requests, {server.checkpoints} checkpoints")


if __name__ == "__main__":
    main()
