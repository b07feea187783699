"""What chat completions and responses share: the model, the parameters, and asking."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import uuid4

import msgspec
from starlette.requests import Request

from agent.inputs import RunOptions, Said
from agent.providers.chat_json import decode
from gateway import reports
from gateway.api.bodies import idempotency_key, read
from gateway.api.doors import Door, answer
from gateway.api.history import Question
from gateway.api.problems import Refused
from gateway.app import App
from hermes_home.errors import UsageError
from memory.queues import Arrived

MODEL = "hermes"
SOURCE = "api"
SESSION_HEADER = "x-hermes-session"
HEADERS = {
    "X-Hermes-Session": "the session to say it in: id, its beginning, or title; else a new one",
    "Idempotency-Key": "the same key within 7 days gives the same run and its answer",
}

Wanted = TypeVar("Wanted", bound=msgspec.Struct)


class Model(msgspec.Struct):
    id: str = MODEL
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "hermes"


class Models(msgspec.Struct):
    object: Literal["list"] = "list"
    data: tuple[Model, ...] = (Model(),)


async def parse(
    request: Request, kind: type[Wanted], only: Mapping[str, tuple[Any, ...]]
) -> Wanted:
    """The body as `kind`. `only`: fields that cannot be honoured, with the values that ask for
    nothing; any other value, and any field that `kind` lacks, is refused by name."""
    try:
        value = decode(await read(request))
    except ValueError as error:
        raise Refused(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refused("the body is not a JSON object")
    known = kind.__struct_fields__
    for name in value:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else "See docs/api.md for those there are."
            raise Refused(
                f"there is no parameter {name!r}", hint, param=name, code="unknown_parameter"
            )
    for name, harmless in only.items():
        if name in value and value[name] not in harmless:
            raise Refused(
                f"{name} cannot be honoured here", "Leave it out.", param=name, code="unsupported"
            )
    return msgspec.convert(value, kind)


def check_model(name: str) -> None:
    if name != MODEL:
        raise Refused(
            f"there is no model {name!r}",
            f"The model is called {MODEL}; `hermes model` chooses what it runs on.",
            param="model",
            code="model_not_found",
            status=404,
        )


async def named_session(request: Request) -> str:
    """The session that the request's header names; empty: it names none."""
    reference = request.headers.get(SESSION_HEADER, "")
    return await reports.find_session(request.app.state.app, reference) if reference else ""


async def ask(request: Request, question: Question, session: str) -> Arrived:
    """Say it, in `session` or else in a new one; stored when this returns. Nobody can be asked
    back, so what would ask is denied."""
    app: App = request.app.state.app
    key = idempotency_key(request)
    options = RunOptions(cwd=str(_workspace(app)) if not session else "", headless=True)
    said = Said(
        id=_id(key, question, session),
        text=question.text,
        quoted=question.quoted,
        mode="queue",
        options=options,
    )
    if session:
        receipt = await app.router.submit(session, said, source=SOURCE, key=key)
        asked = Arrived(app.inbox.session_of(receipt.id), receipt)
    else:
        asked = await app.router.ask(SOURCE, _workspace(app), said, key=key)
    if asked.receipt.id != said.id:
        raise Refused(
            "this Idempotency-Key was used for another request",
            "Choose a new key for each new request.",
            code="idempotency_key_reused",
            status=422,
        )
    return asked


def _id(key: str, question: Question, session: str) -> str:
    """The input's id: of a request with a key it tells whether another one is the same."""
    if not key:
        return f"i{uuid4().hex[:16]}"
    content = msgspec.json.encode([key, question.text, question.quoted, session])
    return f"i{hashlib.sha256(content).hexdigest()[:16]}"


def _workspace(app: App) -> Path:
    """Where sessions that a request opens work."""
    folder = Path(app.settings.api.workspace or Path.home())
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "hermes config set api.workspace DIR")
    return folder


async def list_models(request: Request) -> Any:
    """The one model there is."""
    return answer(Models())


async def show_model(request: Request) -> Any:
    """The model by its name."""
    check_model(request.path_params["model"])
    return answer(Model())


ROUTES = [
    Door("GET", "/v1/models", list_models, gives=Models),
    Door("GET", "/v1/models/{model}", show_model, gives=Model),
]
