"""A tool from a function: the schema from its signature, and the check of what a model wrote."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

from agent.tools.base import Effects, Tool, ToolContext, ToolResult
from hermes_home.errors import ToolError

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_LARGEST = 2**53  # beyond, a float does not tell one whole number from the next
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


def tool(
    function: Callable[..., Awaitable[ToolResult]],
    *,
    effects: Effects,
    read_only: bool = False,
    name: str = "",
) -> Tool:
    """A tool that calls `function`. Its parameters are text, numbers, booleans, Literals, lists,
    and dataclasses, TypedDicts or Structs of these; `Annotated` text describes one; a default
    makes it optional. The one annotated ToolContext is given, not asked for. The docstring's
    first paragraph describes the tool."""
    # Every session makes its tools anew from the same definitions.
    signature = _signatures.get(code := _code(function)) or _signature(function)
    _signatures[code] = signature
    title = name or function.__name__
    described, schema, accept = signature
    return Tool(title, described, schema, function, effects, read_only, accept)


_Accept = Callable[[dict[str, Any]], dict[str, Any]]
_signatures: dict[object, tuple[str, dict[str, Any], _Accept]] = {}


def _code(function: Callable[..., Any]) -> object:
    """What two functions share that were made by the same definition."""
    plain = getattr(function, "__func__", function)
    return plain if hasattr(plain, "__wrapped__") else getattr(plain, "__code__", plain)


def _signature(function: Callable[..., Any]) -> tuple[str, dict[str, Any], _Accept]:
    """The description, the schema, and what checks a model's arguments by it."""
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    shown = {
        parameter.name: hints[parameter.name]
        for parameter in parameters.values()
        if hints[parameter.name] is not ToolContext
    }
    required = [key for key in shown if parameters[key].default is inspect.Parameter.empty]
    schema = _object({key: schema_of(hint) for key, hint in shown.items()}, required)

    def accept(arguments: dict[str, Any]) -> dict[str, Any]:
        checked: dict[str, Any] = check(arguments, schema, "")
        return {key: msgspec.convert(value, shown[key]) for key, value in checked.items()}

    description = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return description, schema, accept


def schema_of(hint: Any) -> dict[str, Any]:
    """The JSON schema of one annotation; TypeError for a kind that tools do not use."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**schema_of(arguments[0]), "description": arguments[1]}
    if origin in (Union, UnionType):
        (kept,) = [argument for argument in arguments if argument is not NoneType]
        return schema_of(kept)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    fields = _fields(hint)
    hints = get_type_hints(hint, include_extras=True)
    required = [name for name, needed in fields.items() if needed]
    return _object({name: schema_of(hints[name]) for name in fields}, required)


def _fields(hint: Any) -> dict[str, bool]:
    """The fields of an object type, and whether each is required."""
    if is_typeddict(hint):
        return {name: name in hint.__required_keys__ for name in hint.__annotations__}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {field.name: field.required for field in msgspec.structs.fields(hint)}
    if dataclasses.is_dataclass(hint):
        absent = dataclasses.MISSING
        return {
            field.name: field.default is absent and field.default_factory is absent
            for field in dataclasses.fields(hint)
        }
    raise TypeError(f"a tool cannot take a parameter of type {hint!r}")


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties)}
    return {**schema, "required": required} if required else schema


def check(value: Any, schema: dict[str, Any], where: str) -> Any:
    """`value` as the schema wants it. Numbers and booleans written as text are taken, so is one
    item where a list is wanted, and null for what may be left out. ToolError names the argument
    and what it takes."""
    kind = schema["type"]
    if kind == "object":
        return _check_object(value, schema, where)
    if kind == "array":
        items = value if isinstance(value, list) else _parsed(value, list, wrap=True)
        return [check(item, schema["items"], f"{where}[{at}]") for at, item in enumerate(items)]
    taken = _taken(value, kind)
    if taken is None or ("enum" in schema and taken not in schema["enum"]):
        accepted = ", ".join(schema["enum"]) if "enum" in schema else _WORDS[kind]
        written = json.dumps(value, ensure_ascii=False)
        shown = written if len(written) <= 60 else f"{written[:60]}…"
        raise ToolError(f"argument `{where}`: {shown} is not accepted; it takes {accepted}")
    return taken


def _check_object(value: Any, schema: dict[str, Any], where: str) -> dict[str, Any]:
    known, inside = schema["properties"], f" of `{where}`" if where else ""
    given = value if isinstance(value, dict) else _parsed(value, dict)
    if not isinstance(given, dict):
        raise ToolError(f"argument `{where}`: it takes an object with {_names(known)}")
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"it has {_names(known)}"
            raise ToolError(f"there is no argument `{name}`{inside}; {hint}")
    required = schema.get("required", [])
    present = {name: given[name] for name in given if given[name] is not None or name in required}
    for name in required:
        if name not in present:
            raise ToolError(f"argument `{name}`{inside} is missing; it takes {_kind(known[name])}")
    prefix = f"{where}." if where else ""
    return {name: check(item, known[name], prefix + name) for name, item in present.items()}


def _names(known: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in known) or "no arguments"


def _kind(schema: dict[str, Any]) -> str:
    return "one of " + ", ".join(schema["enum"]) if "enum" in schema else _WORDS[schema["type"]]


def _parsed(value: Any, wanted: type, *, wrap: bool = False) -> Any:
    """A list or object that a model wrote as JSON text; with `wrap` a lone item as a list."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
        if isinstance(parsed, wanted):
            return parsed
    return [value] if wrap else value


def _taken(value: Any, kind: str) -> Any:
    """`value` as a plain type; None if it is none."""
    if kind == "string":
        return value if isinstance(value, str) else None
    if kind == "boolean":
        words = {"true": True, "false": False}
        return value if isinstance(value, bool) else words.get(str(value).lower())
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not abs(number) < _LARGEST:
        return None
    if kind == "number":
        return number
    return int(number) if number.is_integer() else None
