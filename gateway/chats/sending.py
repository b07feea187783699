"""send_file, as the model sees it: a file for the chats in which a session is talked to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.files import Paths
from agent.tools.opened import opened
from agent.tools.schema import tool
from gateway.chats.delivery import FILE, File
from hermes_home.errors import ToolError

if TYPE_CHECKING:
    from gateway.app import App

NAME_CHARS = 100


def sending_tools(app: App) -> list[Tool]:
    paths = Paths(app.home)

    async def send_file(
        context: ToolContext, path: Annotated[str, "of a file, absolute or in the workspace"]
    ) -> ToolResult:
        """Send a file to the user, where the conversation is a chat in a messenger."""
        places = _places(app, context.session)
        file = paths.of_call(path, context)
        data = await asyncio.to_thread(_bytes, file, min(places.values()))
        kept = app.home.files / await asyncio.to_thread(app.keep, data)
        body = msgspec.json.encode(File(str(kept), file.name[:NAME_CHARS])).decode()
        for address in places:
            await app.outbox.put(context.session, 0, address, body, FILE)
        app.hub.wake()
        return ToolResult(f"{file.name} ({len(data):,} bytes) is on its way to the user")

    return [tool(send_file, effects=paths.effects("read"))]


def _places(app: App, session: str) -> dict[str, int]:
    """Where files can go from a session, and how many bytes one may have there."""
    chats = app.chats.attached(session)
    if not chats:
        raise ToolError("the user is in no chat that files can be sent to", "Name its path.")
    places = {chat.address: app.hub.upload_bytes(chat.address) for chat in chats}
    takes = {address: most for address, most in places.items() if most}
    if not takes:
        raise ToolError("this messenger carries no files", "Say what is in it, or name its path.")
    return takes


def _bytes(file: Path, most: int) -> bytes:
    with opened(file) as source:
        data = source.read(most + 1)
    if len(data) > most:
        raise ToolError(f"{file} has more than {most:,} bytes, the most that can be sent there")
    if not data:
        raise ToolError(f"{file} is empty, and messengers take no empty files")
    return data
