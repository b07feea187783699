"""E-mail: read by IMAP, sent by SMTP. A thread with one person is a place.

Nothing is deleted. A mail is marked as read when it was received, and only if it is for us: proved
to be from somebody, written by a person (email_identity, email_automatic). What was looked at is
remembered by UID, so other mail in the box stays as it is.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

from gateway.channels.base import (
    Attachment,
    Channel,
    ChannelError,
    Features,
    Incoming,
    Outgoing,
    Place,
    Receiver,
    Refused,
)
from gateway.channels.email_compose import composed
from gateway.channels.email_headers import words
from gateway.channels.email_identity import ADDRESS, tag_for
from gateway.channels.email_imap import Mailbox, host_and_port
from gateway.channels.email_memory import Memory, Thread
from gateway.channels.email_read import (
    Rules,
    attached,
    incoming,
    judged,
    parsed,
    payload,
    references,
)
from gateway.channels.email_smtp import Mailer
from hermes_home.channel_settings import EmailSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets

IDLE_SECONDS = 60.0
POLL_SECONDS = 30.0
MOST_BYTES = 25_000_000
"""Of one mail that is read."""
TAG = re.compile(r"[A-Za-z0-9_-]{8,48}")

log = logging.getLogger(__name__)


class Email(Channel):
    platform = "email"
    features = Features(limit=200_000, uploads=True, upload_bytes=15_000_000, spacing=1.0)
    deaf_after = 4 * IDLE_SECONDS

    def __init__(self, section: EmailSettings, secrets: Secrets, home: Home) -> None:
        tag = secrets.get("EMAIL_TAG")
        self._password = secrets.get("EMAIL_PASSWORD")
        _check(section, self._password, tag)
        self._imap = host_and_port(section.imap, "channels.email.imap", "imap.example.org:993")
        smtp = host_and_port(section.smtp, "channels.email.smtp", "smtp.example.org:465")
        self._own = section.address.lower()
        self._user = section.user or section.address
        smtp_password = secrets.get("EMAIL_SMTP_PASSWORD") or self._password
        self._mailer = Mailer(*smtp, self._user, smtp_password, self._own)
        owners = tuple(one.lower() for one in section.owners)
        self._rules = Rules(self._own, owners, section.authserv_id, tag)
        self._known = {*owners, *(one.lower() for one in section.guests)}
        self._memory = Memory(home, self._own)
        self._box: Mailbox | None = None
        self._waiting: asyncio.Future[None] | None = None
        self.notice = ""

    def _open(self) -> Mailbox:
        return Mailbox(*self._imap, self._user, self._password)

    async def connect(self) -> None:
        self._box = await to_thread(self._open)
        await self._mailer.try_it()  # who cannot send should know it now
        self.account = self._own
        if self._memory.position == (0, 0):  # the first time: from now on
            await to_thread(self._memory.reached, self._box.validity, self._box.next - 1)

    async def disconnect(self) -> None:
        box, self._box = self._box, None
        if box is None:
            return
        box.break_off()
        if self._waiting is not None:
            await asyncio.gather(self._waiting, return_exceptions=True)
        box.close()

    # -- in -------------------------------------------------------------------------------------

    async def listen(self, receiver: Receiver) -> None:
        box = self._box
        if box is None:
            raise ChannelError("not connected to the mail server")
        validity, uid = self._memory.position
        anew = validity != box.validity  # the server has numbered its mails anew
        uid = 0 if anew else uid
        while True:
            for found in await self._blocking(box.after, uid, anew):
                await self._look(box, found, receiver)
                receiver.heard()
                uid = found
            anew = False
            receiver.heard()
            await self._blocking(box.wait, IDLE_SECONDS if box.idles else POLL_SECONDS)

    async def _blocking(self, call: Any, *arguments: Any) -> Any:
        """The call in a thread. It is let end before the connection is closed under it."""
        self._waiting = asyncio.ensure_future(to_thread(call, *arguments))
        return await asyncio.shield(self._waiting)

    async def _look(self, box: Mailbox, uid: int, receiver: Receiver) -> None:
        """One mail: handed over and then marked as read, or left as it is."""
        read = await self._read(box, uid)
        if read is not None:
            await receiver.receive([read])
            await self._blocking(box.mark, [uid])
        await to_thread(self._memory.reached, box.validity, uid)

    async def _read(self, box: Mailbox, uid: int) -> Incoming | None:
        try:
            mail = await self._wanted(box, uid)
            if mail is None:
                return None
            read = incoming(mail, judged(mail, self._rules)[0], self._own, box.validity, uid)
            ids = references(mail) or [read.place.thread]
            self._memory.joined(read.place.chat, read.place.thread, words(mail, "Subject"), ids)
            return read
        except ChannelError:
            raise
        except Exception:  # the border of one mail: the next ones are to be read
            log.exception("email: the mail with UID %d could not be understood", uid)
            self.notice = f"the mail with UID {uid} could not be understood"
            return None

    async def _wanted(self, box: Mailbox, uid: int) -> EmailMessage | None:
        head = parsed(await self._blocking(box.head, uid))
        address, why = judged(head, self._rules)
        if why == "not proved" and address in self._known:
            self.notice = (
                f"a mail that says it is from {address} was not proved to be and is ignored; "
                "see docs/channels/email.md, Who is believed"
            )
        if why:
            return None
        size = await self._blocking(box.size, uid)
        if size > MOST_BYTES:
            self.notice = f"a mail from {address} has {size:,} bytes and is not read"
        return parsed(await self._blocking(box.mail, uid)) if 0 <= size <= MOST_BYTES else None

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        try:
            validity, uid, number = (int(part) for part in attachment.reference.split("/"))
        except ValueError:
            raise ChannelError("this is no attachment of a mail") from None
        data = await to_thread(self._attached, validity, uid, number)
        for start in range(0, len(data), 64 * 1024):
            yield data[start : start + 64 * 1024]

    def _attached(self, validity: int, uid: int, number: int) -> bytes:
        box = self._open()
        try:
            files = attached(parsed(box.mail(uid))) if box.validity == validity else []
            if number >= len(files):
                raise ChannelError("the mail is no longer in the mailbox")
            return payload(files[number])
        finally:
            box.close()

    # -- out ------------------------------------------------------------------------------------

    async def send(self, place: Place, message: Outgoing) -> str:
        person, root = place.chat.lower(), place.thread
        if not ADDRESS.fullmatch(person):
            raise Refused(f"{place.chat} is no mail address")
        if (wait := self._memory.over(person, root, message.key)) > 0:
            await self._say_limit(person, root, wait)
            raise Refused(f"too many answers to {person} in an hour; they stay in the session")
        mail = self._mail(person, message, self._memory.thread(person, root))
        await self._mailer.post(mail)
        await to_thread(self._memory.was_sent, person, root, message.key)
        return str(mail["Message-ID"])

    def _mail(self, person: str, message: Outgoing, thread: Thread) -> EmailMessage:
        local, _, host = self._own.rpartition("@")
        tag = self._rules.tag
        return composed(
            message,
            own=self._own,
            to=person,
            reply_to=f"{local}+{tag_for(tag, person)}@{host}" if tag else self._own,
            thread=thread,
            most_bytes=self.features.upload_bytes,
        )

    async def _say_limit(self, person: str, root: str, wait: float) -> None:
        """One notice an hour, then silence."""
        if not await to_thread(self._memory.tell, person):
            return
        until = time.strftime("%H:%M", time.localtime(time.time() + wait + 60))
        text = f"I have sent you as many mails as I may in an hour. I answer again from {until} on."
        notice = Outgoing(text=text, key=f"limit {person} {root} {until}")
        await self._mailer.post(self._mail(person, notice, self._memory.thread(person, root)))


def _check(section: EmailSettings, password: str, tag: str) -> None:
    if not ADDRESS.fullmatch(section.address.lower()):
        raise SettingsError(
            f"channels.email.address is {section.address!r}, no mail address"
            if section.address
            else "channels.email.address is not set",
            "hermes config set channels.email.address bot@example.org",
        )
    if not password:
        raise SettingsError("EMAIL_PASSWORD is not set", "put EMAIL_PASSWORD=... into .env")
    if not section.authserv_id and not tag:
        raise SettingsError(
            "anybody could write in your name: e-mail needs a way to know who wrote",
            "set channels.email.authserv_id to the name your mail server writes first in "
            "Authentication-Results, or put a secret EMAIL_TAG=... into .env",
        )
    if tag and not TAG.fullmatch(tag):
        raise SettingsError(
            "EMAIL_TAG is not 8 to 48 letters, digits, - and _",
            "for example: openssl rand -hex 12",
        )
    for address in (*section.owners, *section.guests):
        if not ADDRESS.fullmatch(address.lower()):
            raise SettingsError(f"channels.email: {address!r} is no mail address")
