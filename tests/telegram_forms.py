"""What the Bot API takes as parameters: how they are sent, and of which type each must be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from tests.telegram_markup import Unparsable, parse, units


class BadRequest(Exception):
    """A refusal: its code, what it says, and `parameters` for programs."""

    def __init__(self, said: str, code: int = 400, **parameters: Any) -> None:
        names = {400: "Bad Request", 403: "Forbidden", 409: "Conflict", 429: "Too Many Requests"}
        super().__init__(f"{names[code]}: {said}" if code in names else said)
        self.code = code
        self.parameters = parameters


@dataclass
class SentFile:
    name: str
    type: str
    data: bytes


def received(content_type: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request, in any of the three ways to send them. Texts of a form stay
    texts here; `checked` reads them."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind == "application/json":
        sent = json.loads(body)
        if not isinstance(sent, dict):
            raise BadRequest("the parameters are no object")
        return sent
    if kind == "application/x-www-form-urlencoded":
        return {name: Text(value) for name, value in parse_qsl(body.decode(), True, True)}
    if kind == "multipart/form-data":
        return _multipart(content_type, body)
    raise BadRequest(f"unsupported content type {kind}")


class Text(str):
    """A value of a form: what is not a text is JSON in it."""


def _multipart(content_type: str, body: bytes) -> dict[str, Any]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    found: dict[str, Any] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(data, bytes)
        if (file := part.get_filename()) is not None:
            found[name] = SentFile(file, part.get_content_type(), data)
        else:
            found[name] = Text(data.decode())
    return found


Check = Callable[[str, Any], Any]


def checked(sent: Mapping[str, Any], wanted: Mapping[str, tuple[Check, bool]]) -> dict[str, Any]:
    """The values by name; BadRequest for one that is unknown, missing or of another type."""
    for name in sent:
        if name not in wanted:
            raise BadRequest(f"unknown parameter {name}")
    for name, (_, needed) in wanted.items():
        if needed and name not in sent:
            raise BadRequest(f"parameter {name} is required")
    return {
        name: wanted[name][0](name, _meant(value, wanted[name][0])) for name, value in sent.items()
    }


def _meant(value: Any, check: Check) -> Any:
    if not isinstance(value, Text) or check in (text, chat, document):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return str(value)


def number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{name} is not a number: {value!r}")
    return value


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} is not a text: {value!r}")
    return str(value)


def truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is neither true nor false: {value!r}")
    return value


def chat(name: str, value: Any) -> int:
    if isinstance(value, Text) and value.lstrip("-").isdecimal():
        return int(value)
    if isinstance(value, str):
        raise BadRequest("chat not found")
    return number(name, value)


def texts(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise BadRequest(f"{name} is not a list: {value!r}")
    return [text(name, one) for one in value]


def preview(name: str, value: Any) -> dict[str, Any]:
    known = {"is_disabled", "url", "prefer_small_media", "prefer_large_media", "show_above_text"}
    if not isinstance(value, dict) or set(value) - known:
        raise BadRequest(f"{name} is not understood: {value!r}")
    return value


def document(name: str, value: Any) -> SentFile | str:
    return value if isinstance(value, SentFile) else text(name, value)


def keyboard(name: str, value: Any) -> dict[str, Any]:
    """An inline keyboard, the only reply markup that is taken."""
    if not isinstance(value, dict) or set(value) != {"inline_keyboard"}:
        raise BadRequest("object expected as reply markup")
    rows = value["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadRequest('field "inline_keyboard" must be of type Array of Arrays')
    for button in (button for row in rows for button in row):
        if not isinstance(button, dict) or set(button) - {"text", "callback_data", "url"}:
            raise BadRequest(f"can't parse inline keyboard button: {button!r}")
        if not isinstance(button.get("text"), str) or not button["text"]:
            raise BadRequest('can\'t parse inline keyboard button: Field "text" is empty')
        if ("url" in button) == ("callback_data" in button):
            raise BadRequest("can't parse inline keyboard button: Text buttons are unallowed in it")
        if not 1 <= len(button.get("callback_data", "x").encode()) <= 64:
            raise BadRequest("BUTTON_DATA_INVALID")
    return value


def words(sent: Mapping[str, Any], field: str, limit: int) -> tuple[str, list[dict[str, Any]]]:
    """The text of a message or caption with its entities; BadRequest if it cannot be sent."""
    source, mode = sent.get(field, ""), sent.get("parse_mode", "")
    if mode and mode.lower() != "html":
        raise BadRequest(f"unsupported parse_mode {mode} (this server reads HTML)")
    try:
        seen, entities = parse(source) if mode else (source, [])
    except Unparsable as error:
        raise BadRequest(f"can't parse entities: {error}") from None
    if units(seen) > limit:
        raise BadRequest(
            "message is too long" if field == "text" else "message caption is too long"
        )
    if field == "text" and not seen.strip():
        raise BadRequest("message text is empty")
    return seen, entities
