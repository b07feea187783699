"""The tests' own Telegram, vouched for: a public library talks to it unmodified."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    MessageHandler,
    filters,
)

from tests.channel_contract import until
from tests.servers import free_port
from tests.telegram_markup import Unparsable, parse
from tests.telegram_server import TelegramServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    given = Bot(server.token, base_url=f"{server.url}/bot", base_file_url=f"{server.url}/file/bot")
    async with given:
        yield given


@asynccontextmanager
async def running(server: TelegramServer) -> AsyncIterator[tuple[Any, list[Update]]]:
    """An application of the library that polls and remembers."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    seen: list[Update] = []

    async def remember(update: Update, _: Any) -> None:
        seen.append(update)

    builder = ApplicationBuilder().token(server.token).base_url(f"{server.url}/bot")
    application: Application[Any, Any, Any, Any, Any, Any] = builder.build()
    application.add_handler(MessageHandler(filters.ALL, remember))
    application.add_handler(CallbackQueryHandler(remember))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(poll_interval=0.0, timeout=5)
        yield application.bot, seen
        await application.updater.stop()
        await application.stop()


async def test_the_library_polls_and_sends_and_edits(server: TelegramServer) -> None:
    ada = server.person("Ada", username="ada_l")
    async with running(server) as (bot, seen):
        server.say(ada, "hello /start@hermes_test_bot 𝒳 @hermes_test_bot")
        await until(lambda: len(seen) == 1)
        message = seen[0].effective_message
        assert message is not None
        assert [message.parse_entity(one) for one in message.entities] == [
            "/start@hermes_test_bot",
            "@hermes_test_bot",
        ]
        sent = await bot.send_message(message.chat_id, "<b>bold</b> &amp; 𝒳<i>x</i>", "HTML")
        assert sent.text == "bold & 𝒳x"
        assert list(sent.parse_entities().values()) == ["bold", "x"]
        await sent.edit_text("other")
        assert [one["text"] for one in server.shown(ada["id"])] == ["other"]
        assert await sent.delete()
        assert server.shown(ada["id"]) == []
    assert not server.updates


async def test_the_library_shows_buttons_and_is_told_of_presses(server: TelegramServer) -> None:
    ada = server.person("Ada")
    async with running(server) as (bot, seen):
        rows = [
            [
                InlineKeyboardButton("Yes", callback_data="a:1"),
                InlineKeyboardButton("No", url="https://x.org"),
            ]
        ]
        sent = await bot.send_message(ada["id"], "sure?", reply_markup=InlineKeyboardMarkup(rows))
        server.press(ada, ada["id"], sent.message_id, "Yes")
        await until(lambda: len(seen) == 1)
        query = seen[0].callback_query
        assert query is not None
        assert (query.data, query.from_user.id) == ("a:1", ada["id"])
        assert await query.answer("done")
        assert [one["text"] for one in server.chats.answers] == ["done"]
        with pytest.raises(BadRequest, match="(?i)query is too old"):
            await query.answer("again")


async def test_the_library_sends_and_fetches_files(server: TelegramServer, bot: Bot) -> None:
    ada = server.person("Ada")
    data = bytes(range(256)) * 900
    sent = await bot.send_document(ada["id"], data, "see", filename="a.bin", parse_mode="HTML")
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("a.bin", len(data))
    file = await bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == data
    assert await bot.send_chat_action(ada["id"], "typing")


async def test_the_library_understands_each_refusal(
    server: TelegramServer, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # else it warns of itself
    ada, bea = server.person("Ada"), server.person("Bea")
    server.chats.blocked.add(bea["id"])
    sent = await bot.send_message(ada["id"], "hello")
    for text, mode, told in (
        ("<b>open", "HTML", "can't parse entities"),
        ("<x>no</x>", "HTML", 'unsupported start tag "x"'),
        ("w" * 4097, "HTML", "Message is too long"),
        (" <b> </b>", "HTML", "Message text is empty"),
    ):
        with pytest.raises(BadRequest, match=f"(?i){told}"):
            await bot.send_message(ada["id"], text, mode)
    with pytest.raises(BadRequest, match="(?i)not modified"):
        await sent.edit_text("hello")
    with pytest.raises(BadRequest, match="(?i)chat not found"):
        await bot.send_message(7, "x")
    with pytest.raises(Forbidden):
        await bot.send_message(bea["id"], "x")
    server.fault("sendMessage", "flood", seconds=3)
    with pytest.raises(RetryAfter, match="0:00:03"):
        await bot.send_message(ada["id"], "x")
    button = InlineKeyboardButton("x", callback_data="é" * 33)
    with pytest.raises(BadRequest, match="(?i)button_data_invalid"):
        await bot.send_message(ada["id"], "x", reply_markup=InlineKeyboardMarkup([[button]]))


async def test_two_pollers_are_in_conflict(server: TelegramServer, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await until(lambda: server.counts["getUpdates"] == 1)
    async with Bot(server.token, base_url=f"{server.url}/bot") as other:
        second = asyncio.create_task(other.get_updates(timeout=20))
        with pytest.raises(Conflict):
            await first
        server.say(server.person("Ada"), "hi")
        assert len(await second) == 1


async def test_the_offset_confirms_and_kinds_are_left_out(server: TelegramServer, bot: Bot) -> None:
    ada = server.person("Ada")
    first = server.say(ada, "one")
    assert [one.update_id for one in await bot.get_updates()] == [first]
    assert [one.update_id for one in await bot.get_updates(allowed_updates=["message"])] == [first]
    server.update("edited_message", {})
    assert await bot.get_updates(offset=first + 1, timeout=0) == ()
    server.redeliver(1)
    assert [one.update_id for one in await bot.get_updates()] == [first]


async def test_a_wrong_token_is_refused(server: TelegramServer) -> None:
    stranger = Bot("1:" + "x" * 35, base_url=f"{server.url}/bot")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()


async def test_the_library_takes_the_webhooks_posts(server: TelegramServer) -> None:
    """Its own listener refuses a post without the secret, and takes ours."""
    seen: list[Update] = []

    async def remember(update: Update, _: Any) -> None:
        seen.append(update)

    builder = ApplicationBuilder().token(server.token).base_url(f"{server.url}/bot")
    application: Application[Any, Any, Any, Any, Any, Any] = builder.build()
    application.add_handler(MessageHandler(filters.ALL, remember))
    port = free_port()
    server.proxies["bot.example"] = ("127.0.0.1", port)
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_webhook(
            "127.0.0.1", port, "hook", webhook_url="https://bot.example/hook", secret_token="s3cret"
        )
        server.say(server.person("Ada"), "by post")
        await until(lambda: len(seen) == 1)
        assert (await application.bot.get_webhook_info()).url == "https://bot.example/hook"
        with pytest.raises(Conflict):
            await application.bot.get_updates()
        await application.updater.stop()
        await application.stop()


def ask(server: TelegramServer, method: str, body: object) -> Answer:
    connection = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=20)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/bot{server.token}/{method}", json.dumps(body), headers)
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("sendMessage", {"chat_id": 1, "text": "x", "unknown": 1}),
        ("sendMessage", {"chat_id": 1}),
        ("sendMessage", {"chat_id": 1, "text": 5}),
        ("sendMessage", {"chat_id": True, "text": "x"}),
        ("sendMessage", {"chat_id": 1, "text": "x", "disable_notification": "true"}),
        ("sendMessage", {"chat_id": 1, "text": "x", "parse_mode": "Markdown"}),
        ("sendMessage", {"chat_id": 1, "text": "x", "message_thread_id": "4"}),
        ("sendMessage", {"chat_id": 1, "text": "x", "reply_markup": {"inline_keyboard": [{}]}}),
        ("getUpdates", {"timeout": "5"}),
        ("getUpdates", {"limit": 101}),
        ("getUpdates", {"allowed_updates": "message"}),
        ("setWebhook", {"url": "http://bot.example/"}),
        ("setWebhook", {"url": "https://bot.example:9000/"}),
        ("setWebhook", {"url": "https://bot.example/", "secret_token": "a b"}),
        ("answerCallbackQuery", {"callback_query_id": "none"}),
        ("editMessageText", {"chat_id": 1, "message_id": "5", "text": "x"}),
        ("getFile", {"file_id": "none"}),
    ],
)
def test_what_is_not_documented_is_refused(
    server: TelegramServer, method: str, body: object
) -> None:
    status, said = ask(server, method, body)
    assert (status, said["ok"], said["error_code"]) == (400, False, 400), said
    assert said["description"].startswith("Bad Request: ")


@pytest.mark.parametrize(
    "source",
    [
        "<b>x",
        "x</b>",
        "<b><i>x</b></i>",
        "a < b",
        "<p>x</p>",
        "<br>",
        "<span>x</span>",
        "<a href=x y>z</a>",
        '<a href="x>z</a>',
        "<b",
        "<b>x</b",
        "1 <2",
        "<>",
    ],
)
def test_html_that_telegram_refuses(source: str) -> None:
    with pytest.raises(Unparsable):
        parse(source)


def test_html_that_telegram_takes() -> None:
    source = (
        '<a href="https://e.org/?a=1&amp;b=2">l</a> <u><s>x</s></u> &lt;&#128512;&gt; & &nbsp; > '
        '<pre><code class="language-py">if a &lt; b</code></pre>'
        "<blockquote expandable>q</blockquote>"
    )
    text, entities = parse(source)
    assert text == "l x <😀> & &nbsp; > if a < bq"
    assert [(one["type"], one["offset"], one["length"]) for one in entities] == [
        ("text_link", 0, 1),
        ("strikethrough", 2, 1),
        ("underline", 2, 1),
        ("pre", 20, 8),
        ("blockquote", 28, 1),
    ]
    assert entities[0]["url"] == "https://e.org/?a=1&b=2"
    assert entities[3]["language"] == "py"
