"""E-mail against real servers (Exim and Dovecot), with real people's mail programs."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
from asyncio import to_thread
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from imap_tools import MailMessage

from gateway.channels.base import (
    Attachment,
    ChannelError,
    NotPermitted,
    Outgoing,
    Place,
    Refused,
    Upload,
)
from gateway.channels.email import Email
from gateway.channels.email_identity import tag_for
from gateway.channels.email_memory import PER_PERSON, PER_THREAD, Memory
from hermes_home.channel_settings import EmailSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets
from tests.channel_contract import (
    ChannelContract,
    Ear,
    MediaContract,
    Shown,
    connected,
    until,
)
from tests.channel_contract import listening as contract_listening
from tests.channel_rig import Kept, listening
from tests.hermes import Hermes
from tests.mail_server import ABSENT, AUTHSERV, PASSWORD, Account, MailServer, installed
from tests.model_server import ModelServer

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

_numbers = count(1)


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    if not installed():
        pytest.skip(ABSENT)
    server = MailServer()
    yield server
    server.close()


class Bot:
    """The bot's mailbox and what its channel needs. `channel()` is a new process's."""

    def __init__(self, server: MailServer, home: Home, *owners: Account, **secrets: str) -> None:
        self.box = server.account(f"bot{next(_numbers)}")
        self.address = self.box.address
        self.kept = Kept()
        self.secrets = {"EMAIL_PASSWORD": PASSWORD, **secrets}
        self.section = EmailSettings(
            enabled=True,
            address=self.address,
            imap=server.imap,
            smtp=server.smtp,
            user=self.box.name,
            owners=tuple(owner.address for owner in owners),
            authserv_id="" if secrets else AUTHSERV,
        )
        self.home, self.server = home, server

    def channel(self) -> Email:
        return Email(self.section, Secrets(self.secrets, {}), self.home)

    def place(self, person: Account, root: str = "") -> Place:
        return Place("email", self.address, person.address, root)

    def flags(self) -> list[tuple[str, bool]]:
        """(subject, whether it is marked as read) of each mail."""
        return [(one.subject, "\\Seen" in one.flags) for one in self.box.letters()]


@pytest.fixture
def ann(mail_server: MailServer) -> Account:
    return mail_server.account(f"ann{next(_numbers)}")


@pytest.fixture
def bot(mail_server: MailServer, home: Home, ann: Account) -> Bot:
    return Bot(mail_server, home, ann)


async def test_a_thread_both_ways(bot: Bot, ann: Account) -> None:
    async with listening(bot.channel(), bot.kept) as channel:
        await to_thread(ann.write, bot.address, "good morning", "Weather")
        await bot.kept.until(lambda kept: kept.events)
        (said,) = bot.kept.all
        assert (said.sender, said.text) == (ann.address, "Weather\n\ngood morning")
        assert said.place.chat == ann.address
        await bot.kept.until(lambda _: bot.flags() == [("Weather", True)])

        await channel.send(said.place, Outgoing(text="**sunny** <here>", key="k1"))
        (letter,) = await to_thread(ann.until, len)
        assert letter.subject == "Re: Weather"
        assert letter.text.strip() == "sunny <here>"
        assert "<strong>sunny</strong> &lt;here&gt;" in letter.html
        header = letter.obj
        assert header["From"] == f"Hermes <{bot.address}>"
        assert header["Auto-Submitted"] == "auto-replied"
        assert header["In-Reply-To"] == header["References"] == said.place.thread

        answer = {"In_Reply_To": header["Message-ID"]}
        answer["References"] = f"{header['References']} {header['Message-ID']}"
        text = f"/approve 3\n\nOn Monday 3 May, Hermes <{bot.address}> wrote:\n> sunny\n"
        await to_thread(ann.write, bot.address, text, "Re: Weather", **answer)
        await bot.kept.until(lambda kept: len(kept.events) == 2)
        assert bot.kept.all[1].text == "/approve 3"
        assert bot.kept.all[1].place == said.place


async def test_a_repeat_has_the_same_id(bot: Bot, ann: Account) -> None:
    channel = bot.channel()
    await channel.connect()
    for _ in range(2):
        await channel.send(bot.place(ann), Outgoing(text="news", key="k", subject="Daily"))
    await channel.disconnect()
    letters = await to_thread(ann.until, lambda letters: len(letters) == 2)
    assert len({letter.obj["Message-ID"] for letter in letters}) == 1
    assert letters[0].subject == "Daily"
    assert letters[0].obj["Auto-Submitted"] == "auto-generated"


async def test_mail_from_before_the_first_start_is_left_alone(bot: Bot, ann: Account) -> None:
    await to_thread(ann.write, bot.address, "old", "old")
    await to_thread(bot.box.until, len)
    async with listening(bot.channel(), bot.kept):
        await to_thread(ann.write, bot.address, "new", "new")
        await bot.kept.until(lambda kept: kept.events)
    assert bot.kept.texts == ["new\n\nnew"]
    assert bot.flags()[0] == ("old", False)


async def test_what_came_while_it_was_away_is_not_lost(bot: Bot, ann: Account) -> None:
    async with listening(bot.channel(), bot.kept):
        pass
    said = [f"/note {number}" for number in range(8)]
    for number, text in enumerate(said):
        await to_thread(ann.write, bot.address, text, f"s{number}")
        await to_thread(bot.box.until, _more_than(number))
    bot.kept.refusing = True
    with pytest.raises(OSError, match="disk"):
        async with listening(bot.channel(), bot.kept):
            await asyncio.sleep(0.5)
    assert not any(seen for _, seen in bot.flags())
    bot.kept.refusing = False
    async with listening(bot.channel(), bot.kept):
        await bot.kept.until(lambda kept: len(kept.events) == len(said))
    assert bot.kept.texts == said
    assert bot.kept.handed == len(said)


def _more_than(number: int) -> Callable[[list[MailMessage]], object]:
    return lambda letters: len(letters) > number


async def test_a_mailbox_numbered_anew_loses_nothing(bot: Bot, ann: Account, home: Home) -> None:
    async with listening(bot.channel(), bot.kept):
        await to_thread(ann.write, bot.address, "/a", "a")
        await bot.kept.until(lambda kept: kept.events)
        await bot.kept.until(lambda _: bot.flags() == [("a", True)])
    await to_thread(ann.write, bot.address, "/b", "b")
    await to_thread(bot.box.until, lambda letters: len(letters) == 2)
    (file,) = home.run.glob("email-*.json")
    file.write_text(file.read_text().replace('"validity":', '"validity":1'))
    async with listening(bot.channel(), bot.kept):
        await bot.kept.until(lambda kept: "/b" in kept.texts)
    assert bot.kept.texts == ["/a", "/b"]


async def test_only_proved_and_written_mail_gets_in(
    bot: Bot, ann: Account, mail_server: MailServer
) -> None:
    eve = mail_server.account(f"eve{next(_numbers)}")
    passed = f"{AUTHSERV}; dmarc=pass header.from=mail.test"

    def spoof(subject: str, login: bool = False, name: str = "From", value: str = "") -> None:
        headers = {"From": ann.address} | ({name: value} if value else {})
        eve.send(eve.mail(bot.address, "do it", subject, **headers), bot.address, login)

    async with listening(bot.channel(), bot.kept) as channel:
        await to_thread(spoof, "not logged in")
        await to_thread(spoof, "logged in as another", True)
        await to_thread(spoof, "own results", False, "Authentication-Results", passed)
        await to_thread(spoof, "with a sender", True, "Sender", eve.address)
        await to_thread(spoof, "list", True, "List-Id", "<x.test>")
        own = ann.mail(bot.address, "away", "vacation", Auto_Submitted="auto-replied")
        await to_thread(ann.send, own, bot.address)
        loop = ann.mail(bot.address, "mine", "forwarded", X_Hermes_Sent_By=bot.address)
        await to_thread(ann.send, loop, bot.address)
        broken = b"From: " + ann.address.encode() + b'\r\nContent-Type: m@"/x; =\r\n\r\n\xff\xfe'
        await to_thread(ann.send, broken, bot.address)
        await to_thread(ann.write, bot.address, "/last", "last")
        await bot.kept.until(lambda kept: "/last" in kept.texts)
        assert ann.address in channel.notice
    subjects = [one.text for one in bot.kept.all]
    assert [text for text in subjects if "do it" in text or "away" in text] == []
    assert all(seen == (subject in ("last", "")) for subject, seen in bot.flags())


async def test_a_tag_in_the_address_is_enough(
    mail_server: MailServer, home: Home, ann: Account
) -> None:
    secret = "0a1b2c3d4e5f"
    bot = Bot(mail_server, home, ann, EMAIL_TAG=secret)
    tagged = bot.address.replace("@", f"+{secret}@")
    eve = mail_server.account(f"eve{next(_numbers)}")

    def write(to: str, text: str) -> None:
        ann.send(ann.mail(to, text), bot.address, login=False)

    async with listening(bot.channel(), bot.kept) as channel:
        await to_thread(write, bot.address, "/no")
        await to_thread(write, bot.address.replace("@", "+guess@"), "/guess")
        await to_thread(write, tagged, "/yes")
        await bot.kept.until(lambda kept: "/yes" in kept.texts)
        await channel.send(bot.kept.all[0].place, Outgoing(text="ok", key="1"))
        (letter,) = await to_thread(ann.until, len)
        back = letter.obj["Reply-To"]
        assert back == bot.address.replace("@", f"+{tag_for(secret, ann.address)}@")
        forged = eve.mail(back, "/eve")
        await to_thread(eve.send, forged, bot.address, False)
        await to_thread(write, back, "/again")
        await bot.kept.until(lambda kept: "/again" in kept.texts)
    assert bot.kept.texts == ["/yes", "/again"]


async def test_html_and_files_both_ways(bot: Bot, ann: Account, tmp_path: Path) -> None:
    data = bytes(range(256)) * 800
    report = tmp_path / "report.bin"
    report.write_bytes(data[::-1])
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ann.address, bot.address, "Photo"
    mail.set_content("<p>what is <b>this</b>?</p><blockquote type=cite>x</blockquote>", "html")
    mail.add_attachment(data, maintype="image", subtype="png", filename="größe.png")
    async with listening(bot.channel(), bot.kept) as channel:
        await to_thread(ann.send, mail, bot.address)
        await bot.kept.until(lambda kept: kept.events)
        (said,) = bot.kept.all
        assert said.text == "Photo\n\nwhat is this?"
        (attachment,) = said.attachments
        assert (attachment.name, attachment.type, attachment.size) == (
            "größe.png",
            "image/png",
            len(data),
        )
        assert b"".join([chunk async for chunk in channel.fetch(attachment)]) == data
        for reference in (attachment.reference + "9", "1/1/0", "x", ""):
            with pytest.raises(ChannelError):
                [_ async for _ in channel.fetch(Attachment(reference))]
        upload = Upload(str(report), "report.bin")
        await channel.send(said.place, Outgoing(text="here", key="u", uploads=(upload,)))
        (letter,) = await to_thread(ann.until, len)
        (file,) = letter.attachments
        assert (file.filename, file.payload) == ("report.bin", data[::-1])
        for bad in (Upload(str(tmp_path / "none"), "none"), Upload("/dev/zero/x", "x")):
            with pytest.raises(Refused):
                await channel.send(said.place, Outgoing(text="", key="v", uploads=(bad,)))


async def test_a_thread_gets_so_many_answers_an_hour_and_one_notice(bot: Bot, ann: Account) -> None:
    channel = bot.channel()
    await channel.connect()
    for number in range(PER_THREAD):
        message = Outgoing(text=str(number), key=f"k{number}")
        await channel.send(bot.place(ann, "<root@x>"), message)
        await channel.send(bot.place(ann, "<root@x>"), message)  # a repeat is not one more
    for number in range(4):
        with pytest.raises(Refused):
            await channel.send(bot.place(ann, "<root@x>"), Outgoing(text="no", key=f"n{number}"))
    await channel.disconnect()
    again = bot.channel()  # a restart forgives nothing
    await again.connect()
    with pytest.raises(Refused):
        await again.send(bot.place(ann, "<root@x>"), Outgoing(text="no", key="n"))
    await again.send(bot.place(ann, "<other@x>"), Outgoing(text="other", key="o"))
    await again.disconnect()
    letters = await to_thread(ann.until, lambda found: len(found) == 2 * PER_THREAD + 2)
    texts = sorted(letter.text.strip() for letter in letters)
    assert sum("in an hour" in text for text in texts) == 1
    assert "no" not in texts


def test_a_day_of_answers_stays_within_the_limit(home: Home) -> None:
    clock = [0.0]
    memory = Memory(home, "bot@x.test", now=lambda: clock[0])
    sent: list[tuple[float, str]] = []
    notices: list[float] = []
    for minute in range(0, 24 * 60, 4):  # a loop, in one thread and in ever new ones
        clock[0] = minute * 60.0
        root = f"<{minute // 28}@x>" if minute % 8 else "<same@x>"
        if memory.over("a@x.test", root, f"k{minute}") <= 0:
            memory.was_sent("a@x.test", root, f"k{minute}")
            sent.append((clock[0], root))
        elif memory.tell("a@x.test"):
            notices.append(clock[0])
    for at, root in sent:
        hour = [one for one in sent if at <= one[0] < at + 3600]
        assert len(hour) <= PER_PERSON
        assert len([one for one in hour if one[1] == root]) <= PER_THREAD
    assert len(sent) > 24 * 10
    assert len(notices) <= 24
    assert all(
        later - earlier >= 3600 for earlier, later in zip(notices, notices[1:], strict=False)
    )


async def test_refusals_of_the_servers(bot: Bot, ann: Account) -> None:
    bot.secrets["EMAIL_PASSWORD"] = "wrong"
    channel = bot.channel()
    with pytest.raises(NotPermitted):
        await channel.connect()
    await channel.disconnect()
    bot.secrets |= {"EMAIL_PASSWORD": PASSWORD, "EMAIL_SMTP_PASSWORD": "wrong"}
    channel = bot.channel()
    with pytest.raises(NotPermitted):
        await channel.connect()
    await channel.disconnect()
    bot.section = replace(bot.section, imap="127.0.0.1:1")
    channel = bot.channel()
    with pytest.raises(ChannelError):
        await channel.connect()
    with pytest.raises(Refused):
        await channel.send(Place("email", bot.address, "nobody"), Outgoing(text="x", key="1"))
    await channel.disconnect()


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """Servers that speak TLS with a certificate that is trusted, and count as far away."""
    if not installed() or not shutil.which("openssl"):
        pytest.skip(ABSENT)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
        named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
        subprocess.run([*command, *named], check=True, capture_output=True)
        Path(folder).chmod(0o755)
        Path(key).chmod(0o644)
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        server = MailServer(certificate, key)
        monkeypatch.setattr("gateway.channels.email_imap.TLS_PORT", server.imaps_port)
        monkeypatch.setattr("gateway.channels.email_smtp.TLS_PORT", server.smtps_port)
        for module in ("email_smtp", "email_imap"):
            name = f"gateway.channels.{module}.on_this_machine"
            monkeypatch.setattr(name, lambda host: False)
        yield server
        server.close()


async def test_far_servers_are_spoken_to_by_tls_alone(
    sealed: MailServer, mail_server: MailServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def far(imap: int, smtp: int) -> Bot:
        bot = Bot(sealed, home)
        bot.section = replace(bot.section, imap=f"localhost:{imap}", smtp=f"localhost:{smtp}")
        return bot

    async def refused(bot: Bot) -> str:
        channel = bot.channel()
        with pytest.raises(ChannelError) as error:
            await channel.connect()
        await channel.disconnect()
        return error.value.message

    ann = sealed.account("ann")
    by_tls = (sealed.imaps_port, sealed.smtps_port)
    for number, ports in enumerate([by_tls, (sealed.imap_port, sealed.smtp_port)]):
        bot = far(*ports)
        channel = bot.channel()
        await channel.connect()
        await channel.send(bot.place(ann), Outgoing(text="sealed", key=str(number)))
        await channel.disconnect()
    letters = await to_thread(ann.until, lambda letters: len(letters) == 2)
    assert all("esmtpsa" in str(one.obj.get_all("Received")) for one in letters)
    # neither a server without TLS nor one that nobody vouches for hears a password
    assert "TLS" in await refused(far(mail_server.imap_port, mail_server.smtp_port))
    assert await refused(far(sealed.imap_port, mail_server.smtp_port))
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate" in await refused(far(*by_tls))


@pytest.mark.parametrize(
    ("change", "secrets", "named"),
    [
        ({"address": ""}, {}, "channels.email.address"),
        ({"imap": ""}, {}, "channels.email.imap"),
        ({"smtp": "nonsense"}, {}, "channels.email.smtp"),
        ({}, {"EMAIL_PASSWORD": ""}, "EMAIL_PASSWORD"),
        ({"authserv_id": ""}, {}, "who wrote"),
        ({}, {"EMAIL_TAG": "short"}, "EMAIL_TAG"),
        ({"owners": ("ann",)}, {}, "ann"),
    ],
)
def test_what_is_missing_is_named(
    home: Home, change: dict[str, Any], secrets: dict[str, str], named: str
) -> None:
    fine = {
        "enabled": True,
        "address": "bot@x.test",
        "imap": "localhost:143",
        "smtp": "localhost:25",
        "authserv_id": "mx.x.test",
    }
    section = EmailSettings(**{**fine, **change})
    with pytest.raises(SettingsError) as refused:
        Email(section, Secrets({"EMAIL_PASSWORD": "p", **secrets}, {}), home)
    assert named in refused.value.message


class EmailPlatform:
    """tests.channel_contract.Platform over two mailboxes."""

    def __init__(self, bot: Bot, person: Account) -> None:
        self._bot, self._person = bot, person
        self.chat = self.sender = person.address

    def channel(self) -> Email:
        return self._bot.channel()

    def stranger(self) -> Email:
        section, secrets = self._bot.section, {"EMAIL_PASSWORD": "wrong"}
        return Email(section, Secrets(secrets, {}), self._bot.home)

    async def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> None:
        mail = self._person.mail(self._bot.address, text)
        for name, data in files:
            mail.add_attachment(data, maintype="application", subtype="x", filename=name)
        known = len(self._bot.flags())
        await to_thread(self._person.send, mail, self._bot.address)
        await to_thread(self._bot.box.until, lambda letters: len(letters) > known)

    async def redeliver(self) -> None:
        (file,) = self._bot.home.run.glob("email-*.json")
        file.write_text(re.sub(r'"uid":[0-9]+', '"uid":0', file.read_text()))

    async def unacknowledged(self) -> int:
        return sum(not seen for _, seen in self._bot.flags())

    async def press(self, shown: Shown, label: str) -> None:
        raise NotImplementedError

    async def pressed(self) -> list[str]:
        raise NotImplementedError

    async def fault(self, kind: str) -> None:
        raise NotImplementedError

    async def cut(self) -> None:
        raise NotImplementedError

    async def shown(self) -> list[Shown]:
        letters = await to_thread(self._person.until, lambda _: not self._bot.server.queued())
        return [
            Shown(one.uid or "", one.text.strip(), files=tuple(a.payload for a in one.attachments))
            for one in letters
        ]


class TestEmailContract(ChannelContract, MediaContract):
    @pytest.fixture
    async def platform(self, bot: Bot, ann: Account) -> EmailPlatform:
        platform = EmailPlatform(bot, ann)
        async with connected(platform):  # a mailbox is read from the first connection on
            return platform

    async def test_what_a_person_says_comes_in_with_its_ids(  # type: ignore[override]
        self, platform: EmailPlatform
    ) -> None:
        ear = Ear()
        async with contract_listening(platform, ear) as channel:
            await platform.say("good morning – ☀ <b>&amp;")
            await until(lambda: bool(ear.incoming))
        (heard,) = ear.incoming
        # a new thread is a place of its own
        assert heard.place == Place("email", channel.account, platform.chat, heard.place.thread)
        assert heard.place.thread == heard.event.partition(":")[2]
        assert heard.sender == platform.sender
        assert heard.text == "good morning – ☀ <b>&amp;"
        assert ear.beats > 0

    async def test_what_fits_is_taken_whole(  # type: ignore[override]
        self, platform: EmailPlatform
    ) -> None:
        text = "\n\n".join(f"paragraph {number} " + "w" * 900 for number in range(200))
        async with connected(platform) as channel:
            assert channel.fits(text)
            where = Place("email", channel.account, platform.chat)
            await channel.send(where, Outgoing(text=text, key="long"))
        (shown,) = await platform.shown()
        assert shown.text.split() == text.split()


@pytest.fixture
def daemon(hermes: Hermes, mail_server: MailServer, model_server: ModelServer, bot: Bot) -> Hermes:
    """A daemon that reads and writes mail, owned by Ann."""
    hermes.environment["BOT_PASSWORD"] = PASSWORD
    hermes.ok("setup", "--base-url", model_server.url, "--model", "scripted")
    settings = {
        "address": bot.address,
        "user": bot.box.name,
        "imap": mail_server.imap,
        "smtp": mail_server.smtp,
        "authserv_id": AUTHSERV,
        "owners": bot.section.owners[0],
    }
    words = [f"{key}={value}" for key, value in settings.items()]
    hermes.ok("gateway", "setup", "email", "--token-env", "BOT_PASSWORD", *words)
    return hermes


def _model(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Writes a file when it is told to, and says what it was told."""
    last = body["messages"][-1]
    told = str(last["content"])
    if last["role"] == "tool":
        return {"content": "It is **written**."}
    if "write it" in told:
        command = {"command": "echo out > free.txt", "outside": True}
        return {"tool_calls": [{"name": "shell", "arguments": command}]}
    words = [word for word in ("please", "first", "second", "another", "obey") if word in told]
    return {"content": f"It is **{words[-1]}**." if words else "ok"}


def test_a_person_and_the_real_daemon(
    daemon: Hermes, model_server: ModelServer, bot: Bot, ann: Account, mail_server: MailServer
) -> None:
    model_server.script = _model

    def texts(letters: list[MailMessage]) -> list[str]:
        return [letter.text.strip() for letter in letters]

    def reply(to: MailMessage, text: str) -> None:
        ids = {"In_Reply_To": to.obj["Message-ID"], "References": to.obj["Message-ID"]}
        ids["References"] = " ".join(f"{to.obj['References']} {to.obj['Message-ID']}".split())
        quoted = "\n".join(f"> {line}" for line in to.text.splitlines())
        body = f"{text}\n\nOn 3 May 2026, Hermes wrote:\n{quoted}\n"
        ann.write(bot.address, body, f"Re: {to.subject}", **ids)

    ann.write(bot.address, "please do it", "A task")
    (first,) = ann.until(lambda letters: "It is please." in texts(letters))
    assert first.subject == "Re: A task"
    assert any("A task" in str(one.body["messages"]) for one in model_server.runs())

    reply(first, "write it")
    asked = ann.until(lambda letters: "/approve" in str(texts(letters)))[-1]
    (number,) = re.findall(r"/approve (\d+)", asked.text)[:1]
    reply(asked, f"/approve {number}")
    ann.until(lambda letters: "It is written." in texts(letters))
    assert "please do it" in str(model_server.runs()[-1].body["messages"])  # one session

    # it dies; forged mail and mail of machines come, and a true one
    os.kill(daemon.daemon_pid() or 0, signal.SIGKILL)
    eve = mail_server.account(f"eve{next(_numbers)}")
    forged = eve.mail(bot.address, "obey", "forged", From=ann.address)
    eve.send(forged, bot.address, login=False)
    away = ann.mail(bot.address, "away", "away", Auto_Submitted="auto-replied")
    ann.send(away, bot.address)
    ann.write(bot.address, "another thing", "Another")
    daemon.ok("daemon", "start")
    letters = ann.until(lambda letters: "It is another." in texts(letters))
    assert letters[-1].subject == "Re: Another"
    assert not [one for one in model_server.runs() if "obey" in str(one.body)]
    assert sum(text.startswith("It is ") for text in texts(letters)) == 3
