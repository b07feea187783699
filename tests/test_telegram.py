"""The Telegram channel against a strict Telegram: the contract of all channels by polling and by
webhook, and what only Telegram has."""

from __future__ import annotations

import asyncio
import io
import logging
import random
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.channels.base import (
    Attachment,
    Button,
    Channel,
    ChannelError,
    Delayed,
    Incoming,
    NotPermitted,
    Outgoing,
    Place,
    Refused,
    Unknown,
    Upload,
)
from gateway.channels.telegram import Telegram
from gateway.channels.telegram_api import BotApi, Conflict
from hermes_home.channel_settings import TelegramSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets
from tests.channel_contract import (
    ButtonContract,
    ChannelContract,
    Ear,
    EditContract,
    FaultContract,
    MediaContract,
    Shown,
    until,
)
from tests.servers import free_port
from tests.telegram_server import TOKEN, TelegramServer

SECRET = "the-tests_own-secret"
WEBHOOK = "https://bot.example/hooks/telegram"


def made(server: TelegramServer, home: Home, token: str = TOKEN, listen: str = "") -> Telegram:
    """A channel; called by webhook if it has an address to listen at."""
    section = TelegramSettings(
        api_url=server.url,
        webhook_url=WEBHOOK if listen else "",
        webhook_listen=listen or "127.0.0.1:8443",
    )
    given = {"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_WEBHOOK_SECRET": SECRET}
    return Telegram(section, Secrets({}, given), home)


class TelegramPlatform:
    """tests.channel_contract.Platform over a TelegramServer."""

    def __init__(self, server: TelegramServer, home: Home, listen: str = "") -> None:
        self._server, self._home, self._listen = server, home, listen
        self._ada = server.person("Ada", last_name="L", username="ada")
        self.chat = self.sender = str(self._ada["id"])

    def channel(self) -> Channel:
        return made(self._server, self._home, listen=self._listen)

    def stranger(self) -> Channel:
        return made(self._server, self._home, "4242:" + "x" * 35, self._listen)

    async def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> None:
        for name, data in files:
            self._server.send_file(self._ada, data, name, text)
        if not files:
            self._server.say(self._ada, text)

    async def redeliver(self) -> None:
        self._server.redeliver()

    async def unacknowledged(self) -> int:
        return len(self._server.updates)

    async def shown(self) -> list[Shown]:
        return [self._shown(one) for one in self._server.shown(self._ada["id"])]

    def _shown(self, message: dict[str, Any]) -> Shown:
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        files = self._server.chats.files
        document = message.get("document", {}).get("file_id")
        return Shown(
            str(message["message_id"]),
            message.get("text", message.get("caption", "")),
            tuple(button["text"] for row in rows for button in row),
            (files[document][1],) if document else (),
            message.get("_silent", False),
        )

    async def press(self, shown: Shown, label: str) -> None:
        self._server.press(self._ada, self._ada["id"], int(shown.id), label)

    async def pressed(self) -> list[str]:
        return [one["text"] for one in self._server.chats.answers]

    async def fault(self, kind: str) -> None:
        self._server.fault("sendMessage", {"lost": "cut"}.get(kind, kind))

    async def cut(self) -> None:
        self._server.cut()


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


class TestPolling(ChannelContract, EditContract, ButtonContract, MediaContract, FaultContract):
    @pytest.fixture
    def platform(self, server: TelegramServer, home: Home) -> TelegramPlatform:
        return TelegramPlatform(server, home)


class TestWebhook(ChannelContract, EditContract, ButtonContract, MediaContract, FaultContract):
    notices_a_cut = False

    @pytest.fixture
    def platform(self, server: TelegramServer, home: Home) -> TelegramPlatform:
        port = free_port()
        server.proxies["bot.example"] = ("127.0.0.1", port)
        return TelegramPlatform(server, home, f"127.0.0.1:{port}")


# -- in ---------------------------------------------------------------------------------------

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@asynccontextmanager
async def listening(
    server: TelegramServer, home: Home, ear: Ear, **options: str
) -> AsyncIterator[Telegram]:
    channel = made(server, home, **options)
    await channel.connect()
    task = asyncio.create_task(channel.listen(ear))
    try:
        await until(lambda: ear.beats > 0 or task.done())
        yield channel
    finally:
        task.cancel()
        await asyncio.wait({task})
        await channel.disconnect()


async def heard(server: TelegramServer, home: Home, updates: int) -> list[Incoming]:
    """What comes in of what waits: everything when that many updates are confirmed."""
    ear = Ear()
    async with listening(server, home, ear):
        await until(lambda: len(server.confirmed) == updates)
    return ear.incoming


async def test_in_a_group_the_bot_is_meant_when_it_is_named(
    server: TelegramServer, home: Home
) -> None:
    ada, group = server.person("Ada"), server.group("Home")
    own = server.chats.sent({"chat_id": group}, {"text": "hello"})
    said = {
        "𝒳𝒳 hi @hermes_test_bot": ("𝒳𝒳 hi @hermes_test_bot", True),
        "@Hermes_Test_Bot, what is it?": ("what is it?", True),
        "@hermes_test_bot /status": ("/status", True),
        "/stop@hermes_test_bot now": ("/stop now", True),
        "/stop@another_bot now": ("/stop@another_bot now", False),
        "/stop now": ("/stop now", False),
        "mail me at x@hermes_test_bot.org": ("mail me at x@hermes_test_bot.org", False),
        "just us": ("just us", False),
    }
    for text in said:
        server.say(ada, text, group)
    server.say(ada, "and you?", group, reply_to_message=own)
    server.say(
        ada,
        "hello Hermes",
        group,
        entities=[{"type": "text_mention", "offset": 6, "length": 6, "user": server.bot}],
    )
    got = await heard(server, home, len(said) + 2)
    assert all(one.group for one in got)
    assert [(one.text, one.mentioned) for one in got] == [
        *said.values(),
        ("and you?", True),
        ("hello Hermes", True),
    ]
    assert {one.place for one in got} == {Place("telegram", "4242", str(group))}


async def test_a_topic_is_a_thread_and_answers_go_into_it(
    server: TelegramServer, home: Home
) -> None:
    ada, forum = server.person("Ada"), server.group("Forum", forum=True)
    first = {"message_id": 31, "from": server.bot, "chat": {"id": forum, "type": "supergroup"}}
    server.say(ada, "in a topic", forum, message_thread_id=31, reply_to_message=first)
    (one,) = await heard(server, home, 1)
    assert one.place == Place("telegram", "4242", str(forum), "31")
    assert not one.mentioned  # what is no reply refers to the topic's first message
    channel = made(server, home)
    await channel.connect()
    await channel.send(one.place, Outgoing(text="there", key="k"))
    assert server.shown(forum)[-1]["message_thread_id"] == 31
    gone = Place("telegram", "4242", str(forum), "77")
    with pytest.raises(Refused, match="thread not found"):
        await channel.send(gone, Outgoing(text="there", key="k"))
    await channel.disconnect()


async def test_only_people_are_heard(server: TelegramServer, home: Home) -> None:
    ada, group = server.person("Ada"), server.group("Home")
    robot = server.person("Robot", is_bot=True)
    server.say(robot, "do it", group)
    server.say(ada, "as the channel", group, sender_chat={"id": group, "type": "channel"})
    server.say(ada, "", group, new_chat_title="Renamed")
    server.update("channel_post", {"message_id": 1, "chat": {"id": -5, "type": "channel"}})
    server.say(ada, "by Ada", group)
    got = await heard(server, home, 5)
    assert [one.text for one in got] == ["by Ada"]


async def test_updates_of_an_unknown_shape_stop_nobody(server: TelegramServer, home: Home) -> None:
    ada = server.person("Ada")
    server.update("message", {"chat": {"id": 1, "type": "private"}, "text": "no id"})
    server.update("message", {"message_id": "x"})
    server.update("message", {"message_id": 3, "chat": {"id": ada["id"], "type": "private"}})
    server.update("callback_query", {"id": "p", "data": "a:1:once"})
    server.update("callback_query", {"id": "p", "from": ada, "data": "a:1:once"})
    server.update("message", {"message_id": 9, "text": ["x"], "from": ada})
    server.say(ada, "still here")
    assert [one.text for one in await heard(server, home, 7)] == ["still here"]


async def test_files_of_every_kind_come_with_their_words(
    server: TelegramServer, home: Home
) -> None:
    ada = server.person("Ada")
    sizes = [{"file_id": f"s{n}", "file_unique_id": "u", "width": n, "height": n} for n in (9, 90)]
    one: Any = {"file_id": "f", "file_unique_id": "u", "file_size": 7}
    named = {**one, "file_name": "x.pdf", "mime_type": "application/pdf"}
    server.say(ada, photo=sizes, caption="@hermes_test_bot what is it")
    for kind in ("voice", "video", "video_note", "sticker"):
        server.say(ada, **{kind: one})
    server.say(ada, document=named)
    server.say(ada, audio=named)
    server.say(ada, animation=one, document=one)
    got = await heard(server, home, 8)
    assert (got[0].text, got[0].attachments[0].reference) == ("what is it", "s90")
    assert [[(file.name, file.type) for file in one.attachments] for one in got] == [
        [("photo.jpg", "image/jpeg")],
        [("voice.ogg", "audio/ogg")],
        [("video.mp4", "video/mp4")],
        [("video.mp4", "video/mp4")],
        [("sticker.webp", "image/webp")],
        [("x.pdf", "application/pdf")],
        [("x.pdf", "application/pdf")],
        [("animation.mp4", "video/mp4")],
    ]


async def test_forwarded_words_are_marked_as_anothers(server: TelegramServer, home: Home) -> None:
    ada = server.person("Ada")
    server.say(ada, "/approve all", forward_origin={"type": "hidden_user", "date": 1})
    (one,) = await heard(server, home, 1)
    assert one.text == "[forwarded message]\n/approve all"


async def test_edits_are_not_asked_for(server: TelegramServer, home: Home) -> None:
    await heard(server, home, 0)
    assert server.allowed == ["message", "callback_query"]


async def test_polling_takes_a_webhook_away_and_loses_nothing(
    server: TelegramServer, home: Home
) -> None:
    server.webhook.url = "https://old.example/"
    server.say(server.person("Ada"), "sent to the old place")
    got = await heard(server, home, 1)
    assert [one.text for one in got] == ["sent to the old place"]
    assert (server.webhook.url, server.counts["dropped"]) == ("", 0)


async def test_another_poller_is_named_as_the_trouble(server: TelegramServer, home: Home) -> None:
    channel, other = made(server, home), BotApi(TOKEN, server.url)
    await channel.connect()
    task = asyncio.create_task(channel.listen(Ear()))
    await until(lambda: server.counts["getUpdates"] == 1)
    await other.call("getUpdates", {"timeout": 0})
    with pytest.raises(Conflict, match="Another program uses this bot") as told:
        await task
    assert "one token serves one program" in told.value.hint
    await channel.disconnect()
    await other.close()


async def test_a_webhook_changed_by_another_is_set_again(
    server: TelegramServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.channels.telegram_webhook.LOOK_SECONDS", 0.1)
    ear = Ear()
    async with listening(server, home, ear, listen=f"127.0.0.1:{free_port()}") as channel:
        await until(lambda: server.counts["setWebhook"] == 1)
        server.webhook.url = "https://thief.example/"
        await until(lambda: server.counts["setWebhook"] == 2)
        beats = ear.beats
        await until(lambda: ear.beats > beats + 2)  # it is not deaf while nobody writes
        server.webhook.info.update(last_error_date=5, last_error_message="no route")
        await until(lambda: channel.counts["calls that did not reach us"] == 1)
    assert server.webhook.url == WEBHOOK
    assert server.calls[-1].method == "getWebhookInfo"


# -- out --------------------------------------------------------------------------------------


@pytest.fixture
async def channel(server: TelegramServer, home: Home) -> AsyncIterator[Telegram]:
    channel = made(server, home)
    await channel.connect()
    yield channel
    await channel.disconnect()


@pytest.fixture
def there(server: TelegramServer) -> Place:
    return Place("telegram", "4242", str(server.person("Ada")["id"]))


@pytest.mark.parametrize(
    ("fault", "error", "arrives"),
    [
        ("flood", Delayed, 0),
        ("gone", Refused, 0),
        ("error", Unknown, 0),
        ("early", Unknown, 0),
        ("late", Unknown, 1),
        ("cut", Unknown, 1),
        ("bad", Unknown, 1),
        ("mute", None, 1),
        ("entities", None, 1),
    ],
)
async def test_each_fault_says_whether_the_message_may_have_arrived(
    server: TelegramServer, channel: Telegram, there: Place, fault: str, error: Any, arrives: int
) -> None:
    server.fault("sendMessage", fault)
    told: type[Exception] | None = None
    try:
        await channel.send(there, Outgoing(text="**hello**", key="k"))
    except ChannelError as problem:
        told = type(problem)
    assert told is error
    assert len(server.shown(int(there.chat))) == arrives


async def test_no_server_at_all_is_certainly_not_sent(home: Home) -> None:
    api = BotApi(TOKEN, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ChannelError) as told:
        await api.call("sendMessage", {})
    assert type(told.value) is ChannelError
    await api.close()


async def test_an_answer_that_never_comes_is_unknown(server: TelegramServer, there: Place) -> None:
    server.fault("sendMessage", "lost")
    api = BotApi(TOKEN, server.url)
    with pytest.raises(Unknown, match="in time"):
        await api.call("sendMessage", {"chat_id": int(there.chat), "text": "x"}, within=0.5)
    assert len(server.shown(int(there.chat))) == 1
    await api.close()


async def test_markup_that_is_not_taken_goes_as_plain_text(
    server: TelegramServer, channel: Telegram, there: Place
) -> None:
    sent = Outgoing(text="see **this**", key="k", buttons=((Button("Yes", "y"),),), silent=True)
    server.fault("sendMessage", "entities")
    id = await channel.send(there, sent)
    (shown,) = server.shown(int(there.chat))
    assert "this" in shown["text"]
    assert (shown.get("entities"), shown["_silent"]) == (None, True)
    assert shown["reply_markup"]
    server.fault("editMessageText", "entities")
    await channel.edit(there, id, Outgoing(text="*other*", key="k"))
    assert "other" in server.shown(int(there.chat))[0]["text"]
    assert channel.counts["messages sent as plain text"] == 2
    assert channel.notice == "since it connected: 2 messages sent as plain text"


async def test_random_markdown_that_fits_is_taken_as_it_is(
    server: TelegramServer, channel: Telegram, there: Place
) -> None:
    chosen = random.Random(11)
    parts = [
        "**bold**", "*it*", "`a<b`", "```py\nif a < b & c:\n```\n", "[l](https://e.org/?a=1&b=2)",
        "<b>", "</i>", "&amp;", "&nbsp;", "<!-- -->", "# Title\n", "- item\n", "> quote\n", "\n\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n", "~~gone~~", "𝒳🙂", "__x__", "![i](x.png)", "***",
        "List<int>", "1. one\n", "---\n", "``", "**open", "[x](javascript:alert)", "<script>",
        "a_b_c", "w" * 300,
    ]  # fmt: skip
    for number in range(150):
        text = "".join(chosen.choices(parts, k=chosen.randint(1, 60)))
        if channel.fits(text) and text.strip():
            with suppress(Refused):  # if there is nothing to see in it
                await channel.send(there, Outgoing(text=text, key=str(number)))
    assert channel.counts["messages sent as plain text"] == 0
    assert len(server.shown(int(there.chat))) > 75


async def test_the_largest_message_fits_and_one_more_does_not(
    server: TelegramServer, channel: Telegram, there: Place
) -> None:
    assert Telegram.fits("🙂" * 2048)
    assert not Telegram.fits("🙂" * 2048 + "x")
    await channel.send(there, Outgoing(text="🙂" * 2048, key="k"))
    with pytest.raises(Refused, match="too long"):
        await channel.send(there, Outgoing(text="🙂" * 2048 + "x", key="k"))


async def test_a_group_is_not_flooded(server: TelegramServer, channel: Telegram) -> None:
    """Twenty messages a minute, and edits seldom."""
    group = Place("telegram", "4242", str(server.group("Home")))
    id = await channel.send(group, Outgoing(text="draft", key="1"))
    with pytest.raises(Delayed) as told:
        await channel.edit(group, id, Outgoing(text="edited", key="1"))
    assert 3 < told.value.seconds < 5
    for number in range(19):
        await channel.send(group, Outgoing(text=f"message {number}", key=str(number)))
    with pytest.raises(Delayed) as told:
        await channel.send(group, Outgoing(text="one more", key="more"))
    assert 30 < told.value.seconds <= 60
    assert len(server.shown(int(group.chat))) == 20


async def test_what_is_gone_already_is_no_error_to_delete(
    server: TelegramServer, channel: Telegram, there: Place
) -> None:
    await channel.delete(there, "12345")
    with pytest.raises(Refused, match="they are numbers"):
        await channel.send(Place("telegram", "4242", "@ada"), Outgoing(text="x", key="k"))
    await channel.answer_press("unknown", "too late")
    asked = Outgoing(text="may I?", key="k", buttons=((Button("Yes", "y"),),))
    id = await channel.send(there, asked)
    server.press(server.chats.users[int(there.chat)], int(there.chat), int(id), "Yes")
    await channel.answer_press(next(iter(server.chats.presses)), "🙂" * 300)
    assert server.chats.answers[0]["text"] == "🙂" * 100
    with pytest.raises(Refused, match="not found"):
        await channel.edit(there, "12345", Outgoing(text="x", key="k"))


async def test_files_are_sent_with_their_words_or_not_at_all(
    server: TelegramServer, channel: Telegram, there: Place, tmp_path: Path
) -> None:
    small, large = tmp_path / "a.txt", tmp_path / "b.bin"
    small.write_text("hello")
    with large.open("wb") as file:
        file.truncate(50_000_001)
    uploads = (Upload(str(small), "ä & b.txt"), Upload(str(large), "b.bin"))
    with pytest.raises(Refused, match="larger than 50 MB"):
        await channel.send(there, Outgoing(text="two", key="k", uploads=uploads))
    missing = (Upload(str(tmp_path / "none"), "none"),)
    with pytest.raises(Refused, match="cannot be read"):
        await channel.send(there, Outgoing(text="x", key="k", uploads=missing))
    assert server.shown(int(there.chat)) == []
    id = await channel.send(there, Outgoing(text="", key="k", uploads=uploads[:1]))
    (shown,) = server.shown(int(there.chat))
    assert (str(shown["message_id"]), shown["document"]["file_name"]) == (id, "ä & b.txt")
    server.fault("sendDocument", "flood")
    with pytest.raises(Unknown, match="only a part"):
        await channel.send(there, Outgoing(text="with words", key="k", uploads=uploads[:1]))


async def test_a_file_too_large_for_a_bot_is_an_error(
    server: TelegramServer, channel: Telegram
) -> None:
    about = server.chats.file(bytes(20_000_001), "large.bin")
    with pytest.raises(ChannelError, match="too big"):
        _ = [piece async for piece in channel.fetch(Attachment(about["file_id"]))]


# -- what stays secret, what is refused -------------------------------------------------------


async def test_the_token_is_in_no_log_and_no_error(
    server: TelegramServer, home: Home, there: Place
) -> None:
    said = io.StringIO()
    handler, root = logging.StreamHandler(said), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        channel = made(server, home)
        await channel.connect()
        for fault in ("flood", "gone", "error", "early", "late", "cut", "bad", "entities"):
            server.fault("sendMessage", fault)
            try:
                await channel.send(there, Outgoing(text="x", key="k"))
            except ChannelError as error:
                logging.getLogger("test").error("%r %s", error, error, exc_info=error)
        with pytest.raises(ChannelError) as told:
            _ = [piece async for piece in channel.fetch(Attachment("none"))]
        said.write("".join(traceback.format_exception(told.value)))
        await channel.disconnect()
        lost = BotApi(TOKEN, f"http://127.0.0.1:{free_port()}")
        with pytest.raises(ChannelError) as told:
            await lost.call("getMe", {})
        said.write("".join(traceback.format_exception(told.value)))
        await lost.close()
        stranger = made(server, home, "4242:" + "AAH-another_token_" * 2)
        with pytest.raises(NotPermitted) as refused:
            await stranger.connect()
        said.write("".join(traceback.format_exception(refused.value)))
        await stranger.disconnect()
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    text = said.getvalue()
    assert "the connection to Telegram broke" in text
    assert TOKEN.partition(":")[2] not in text
    assert "another_token" not in text


@pytest.mark.parametrize(
    ("settings", "secrets", "names", "fix"),
    [
        ({}, {}, "TELEGRAM_BOT_TOKEN is not set", "gateway setup telegram"),
        ({}, {"TELEGRAM_BOT_TOKEN": "hello"}, "is no bot's token", "gateway setup telegram"),
        ({"webhook_url": WEBHOOK}, {}, "TELEGRAM_WEBHOOK_SECRET is not set", ".env"),
        ({"webhook_url": WEBHOOK}, {"TELEGRAM_WEBHOOK_SECRET": ""}, "SECRET is not set", ".env"),
        ({"webhook_url": WEBHOOK}, {"TELEGRAM_WEBHOOK_SECRET": "a b"}, "not usable", ".env"),
        ({"webhook_url": WEBHOOK}, {"TELEGRAM_WEBHOOK_SECRET": "ä"}, "not usable", ".env"),
        ({"webhook_url": WEBHOOK}, {"TELEGRAM_WEBHOOK_SECRET": "x" * 257}, "not usable", ".env"),
        ({"webhook_url": "http://bot.example"}, {}, "not an https address", "TLS proxy"),
        ({"webhook_url": WEBHOOK, "webhook_listen": "8443"}, {}, "not host:port", "127.0.0.1"),
        ({"webhook_url": WEBHOOK, "webhook_listen": "h:0"}, {}, "not host:port", "127.0.0.1"),
    ],
)
def test_without_what_it_needs_it_refuses_and_names_the_fix(
    home: Home, settings: dict[str, Any], secrets: dict[str, str], names: str, fix: str
) -> None:
    given = {"TELEGRAM_BOT_TOKEN": TOKEN} if settings else {}
    with pytest.raises(SettingsError, match=names) as told:
        Telegram(TelegramSettings(**settings), Secrets({}, given | secrets), home)
    assert fix in told.value.hint
    assert TOKEN not in str(told.value)
