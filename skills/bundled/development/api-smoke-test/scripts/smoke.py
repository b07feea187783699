"""Sends a table of HTTP requests and judges the answers. Exit 0 if all are as expected."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shlex
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KNOWN = {
    "name",
    "method",
    "path",
    "body",
    "raw",
    "send",
    "status",
    "json",
    "header",
    "within",
    "keep",
}
KINDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "bool": bool,
    "list": list,
    "object": dict,
    "null": type(None),
    "any": object,
}
SHOWN = 300
MISSING = object()


@dataclass(frozen=True)
class Answer:
    """What came back; `problem` if nothing did."""

    status: int = 0
    text: str = ""
    headers: dict[str, str] | None = None
    seconds: float = 0.0
    problem: str = ""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Tells a redirect instead of following it."""

    def redirect_request(self, *_: Any) -> None:
        return None


def send(request: urllib.request.Request, timeout: float) -> Answer:
    opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))
    begun = time.monotonic()
    try:
        with opener.open(request, timeout=timeout) as reply:
            status, body, headers = reply.status, reply.read(), reply.headers
    except urllib.error.HTTPError as error:
        with error:
            status, body, headers = error.code, error.read(), error.headers
    except (OSError, http.client.HTTPException) as error:
        return Answer(problem=f"no answer: {getattr(error, 'reason', error)}")
    lower = {key.lower(): value for key, value in headers.items()}
    return Answer(status, body.decode("utf-8", "replace"), lower, time.monotonic() - begun)


def filled(value: Any, kept: dict[str, Any]) -> Any:
    """`{id}` replaced by what was kept, in paths, bodies and headers."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: str(kept.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [filled(inner, kept) for inner in value]
    if isinstance(value, dict):
        return {key: filled(inner, kept) for key, inner in value.items()}
    return value


def request_of(case: dict[str, Any], base: str, kept: dict[str, Any]) -> urllib.request.Request:
    headers = {
        key: os.path.expandvars(text) for key, text in filled(case.get("send", {}), kept).items()
    }
    data = None
    if "raw" in case:
        data = str(case["raw"]).encode()
    elif "body" in case:
        data = json.dumps(filled(case["body"], kept)).encode()
    if data is not None:
        headers = {"Content-Type": "application/json", **headers}
    url = base.rstrip("/") + filled(case["path"], kept)
    method = case.get("method", "POST" if data is not None else "GET")
    return urllib.request.Request(url, data, headers, method=method)


def curl(request: urllib.request.Request, case: dict[str, Any]) -> str:
    """The same request for a shell; headers as the case writes them, without secrets."""
    words = ["curl", "-i", "-X", request.get_method(), request.full_url]
    for key, text in case.get("send", {}).items():
        words += ["-H", f"{key}: {text}"]
    if isinstance(request.data, bytes):
        words += ["-H", "Content-Type: application/json", "-d", request.data.decode()]
    return shlex.join(words)


def field_of(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return MISSING
    return value


def fits(value: Any, wanted: Any) -> bool:
    if value is MISSING:
        return False
    if not isinstance(wanted, str):
        return bool(value == wanted)
    if wanted.startswith("="):
        return wanted[1:] == (value if isinstance(value, str) else json.dumps(value))
    if wanted == "number" and isinstance(value, bool):
        return False
    return isinstance(value, KINDS[wanted])


def faults(case: dict[str, Any], answer: Answer, kept: dict[str, Any]) -> list[str]:
    """How an answer differs from what the case expects; takes what is to be kept."""
    if answer.problem:
        return [answer.problem]
    told = []
    wanted = case["status"] if isinstance(case["status"], list) else [case["status"]]
    if answer.status not in wanted:
        told.append(f"status {answer.status}, expected {' or '.join(map(str, wanted))}")
    for name, part in case.get("header", {}).items():
        if part.lower() not in (answer.headers or {}).get(name.lower(), "").lower():
            told.append(
                f"header {name} is {(answer.headers or {}).get(name.lower())!r}, not {part!r}"
            )
    if "within" in case and answer.seconds > case["within"]:
        told.append(f"took {answer.seconds:.2f} s of at most {case['within']}")
    if "json" in case or "keep" in case:
        told += _body_faults(case, answer, kept)
    return told


def _body_faults(case: dict[str, Any], answer: Answer, kept: dict[str, Any]) -> list[str]:
    try:
        body = json.loads(answer.text)
    except ValueError:
        return ["the answer is no JSON"]
    told = []
    for path, kind in filled(case.get("json", {}), kept).items():
        value = field_of(body, path)
        if not fits(value, kind):
            shown = "missing" if value is MISSING else json.dumps(value)[:80]
            told.append(f"{path} is {shown}, expected {kind}")
    for name, path in case.get("keep", {}).items():
        kept[name] = field_of(body, path)
    return told


def loaded(path: Path) -> list[dict[str, Any]]:
    """The cases; ValueError if one is not as the table wants it."""
    cases = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(cases, list) or not cases:
        raise ValueError("the cases are a JSON list that is not empty")
    for number, case in enumerate(cases, 1):
        if not isinstance(case, dict) or not {"path", "status"} <= case.keys():
            raise ValueError(f"case {number} needs path and status")
        if unknown := case.keys() - KNOWN:
            raise ValueError(f"case {number}: there is no {', '.join(sorted(unknown))}")
        for kind in case.get("json", {}).values():
            if isinstance(kind, str) and not kind.startswith("=") and kind not in KINDS:
                raise ValueError(f"case {number}: {kind!r} is none of {', '.join(KINDS)} or =value")
    return cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--base", required=True, help="such as http://127.0.0.1:8000")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds of one request")
    arguments = parser.parse_args()
    try:
        cases = loaded(arguments.cases)
    except (OSError, ValueError) as error:
        print(f"{arguments.cases}: {error}", file=sys.stderr)
        return 2
    kept: dict[str, Any] = {}
    failed = 0
    for case in cases:
        request = request_of(case, arguments.base, kept)
        answer = send(request, arguments.timeout)
        told = faults(case, answer, kept)
        failed += bool(told)
        name = case.get("name", case["path"])
        print(f"{'FAILED' if told else 'ok'} {name}: {answer.status} in {answer.seconds:.2f} s")
        if told:
            print("\n".join(f"  {fault}" for fault in told))
            print(f"  {curl(request, case)}\n  came: {' '.join(answer.text.split())[:SHOWN]}")
    print(f"{len(cases) - failed} of {len(cases)} cases as expected", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
