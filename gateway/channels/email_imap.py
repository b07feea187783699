"""A mailbox over IMAP, by imap-tools. Everything here blocks and is called in a thread; one call
at a time per connection."""

from __future__ import annotations

import imaplib
import re
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from imap_tools import (
    BaseMailBox,
    MailBox,
    MailboxLoginError,
    MailBoxUnencrypted,
)
from imap_tools.errors import ImapToolsError

from gateway.channels.base import ChannelError, NotPermitted
from hermes_home.errors import SettingsError

COMMAND_SECONDS = 60.0
TLS_PORT = 993
SEEN = "\\Seen"


def host_and_port(text: str, setting: str, example: str) -> tuple[str, int]:
    """Both parts of host:port; SettingsError names the setting."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(
            f"{setting} is {text!r}, not host:port" if text else f"{setting} is not set",
            f"hermes config set {setting} {example}",
        )
    return host.strip("[]"), int(port)


def on_this_machine(host: str) -> bool:
    """Whether what is said to this host stays on the machine, so that it may be said plainly."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Mailbox:
    """The INBOX of one account, open. `hint` of NotPermitted says which secret is meant."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        with _faults():
            self._box = _opened(host, port)
        try:
            with _faults():
                try:
                    plain = "AUTH=PLAIN" in self._box.client.capabilities
                    log_in = self._box.login_utf8 if plain else self._box.login
                    log_in(user, password)
                except (MailboxLoginError, imaplib.IMAP4.error) as error:
                    if isinstance(error, imaplib.IMAP4.abort):
                        raise
                    raise NotPermitted(
                        f"the mail server refuses {user}: {_said(error)}",
                        "check EMAIL_PASSWORD in .env and channels.email.user",
                    ) from error
                status = self._box.folder.status("INBOX", ["UIDVALIDITY", "UIDNEXT"])
        except BaseException:
            self.close()
            raise
        self.validity, self.next = status["UIDVALIDITY"], status["UIDNEXT"]
        self.idles = "IDLE" in self._box.client.capabilities or self._announces_idle()

    def _announces_idle(self) -> bool:
        with _faults():  # some tell it only after the login
            _, lines = self._box.client.capability()
        return any(b"IDLE" in line.upper().split() for line in lines if isinstance(line, bytes))

    def after(self, uid: int, unseen: bool = False) -> list[int]:
        """The UIDs above this one, in order."""
        with _faults():
            self._box.client.response("EXISTS")  # what comes from now on is news
            words = f"UID {uid + 1}:*" + (" UNSEEN" if unseen else "")
            found = [int(one) for one in self._box.uids(words)]
        return sorted(one for one in found if one > uid)

    def size(self, uid: int) -> int:
        """Bytes of a mail; -1 if it is gone."""
        with _faults():
            _, lines = self._box.client.uid("FETCH", str(uid), "(RFC822.SIZE)")
        match = re.search(rb"RFC822\.SIZE (\d+)", b" ".join(_bytes(lines)))
        return int(match[1]) if match else -1

    def head(self, uid: int) -> bytes:
        return self._part(uid, "BODY.PEEK[HEADER]")

    def mail(self, uid: int) -> bytes:
        """The whole mail; empty if it is gone. It stays unread."""
        return self._part(uid, "BODY.PEEK[]")

    def _part(self, uid: int, part: str) -> bytes:
        with _faults():
            _, lines = self._box.client.uid("FETCH", str(uid), f"({part})")
        return next((line[1] for line in lines if isinstance(line, tuple)), b"")

    def mark(self, uids: list[int]) -> None:
        """These are read now."""
        with _faults():
            self._box.flag([str(uid) for uid in uids], [SEEN], True)

    def wait(self, seconds: float) -> None:
        """Until something may have come, at most so long."""
        with _faults():
            if not self.idles:
                return self._watch(seconds)
            self._box.idle.start()  # type: ignore[no-untyped-call]
            try:
                if "EXISTS" not in self._box.client.untagged_responses:
                    self._box.idle.poll(seconds)
            finally:
                self._box.idle.stop()  # type: ignore[no-untyped-call]

    def _watch(self, seconds: float) -> None:
        """For a server without IDLE: sleep, but end when the connection is broken off."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([self._box.client.sock], [], [], left)
            if readable:
                break
        self._box.client.noop()

    def break_off(self) -> None:
        """End it at once, also while another thread waits on it."""
        try:
            self._box.client.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        try:
            self._box.client.shutdown()
        except OSError:
            pass


def _opened(host: str, port: int) -> BaseMailBox:
    if port == TLS_PORT:
        return MailBox(host, port, COMMAND_SECONDS, ssl_context=ssl.create_default_context())
    if on_this_machine(host):
        return MailBoxUnencrypted(host, port, COMMAND_SECONDS)
    box = MailBoxUnencrypted(host, port, COMMAND_SECONDS)
    try:
        box.client.starttls(ssl.create_default_context())
    except BaseException:
        box.client.shutdown()
        raise
    return box


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except (imaplib.IMAP4.error, ImapToolsError, OSError) as error:
        raise ChannelError(f"the mail server (IMAP): {_said(error)}") from error


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _bytes(lines: list[object]) -> list[bytes]:
    flat = [part for line in lines for part in (line if isinstance(line, tuple) else (line,))]
    return [part for part in flat if isinstance(part, bytes)]
