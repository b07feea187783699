"""Mail out, over SMTP, by aiosmtplib: one connection a mail."""

from __future__ import annotations

import ssl
from contextlib import suppress
from email.message import EmailMessage

import aiosmtplib

from gateway.channels.base import ChannelError, Delayed, NotPermitted, Refused, Unknown
from gateway.channels.email_imap import on_this_machine

SMTP_SECONDS = 50.0
TLS_PORT = 465
WAIT_SECONDS = 60.0
"""After a server said: not now."""


class Mailer:
    """One account on one server. `own` is the mailbox's address."""

    def __init__(self, host: str, port: int, user: str, password: str, own: str) -> None:
        self._host, self._port = host, port
        self._user, self._password = user, password
        self._name = own.rpartition("@")[2]

    async def try_it(self) -> None:
        """Log in and leave. NotPermitted, ChannelError."""
        client = await self._connected()
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit()

    async def post(self, mail: EmailMessage) -> None:
        """The server has the mail when this returns. Refused, Delayed, Unknown, or ChannelError
        if it certainly has not."""
        client = await self._connected()
        try:
            await client.send_message(mail)
            with suppress(aiosmtplib.SMTPException, OSError):  # it has the mail
                await client.quit()
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(error.recipients[0].code, str(error)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unknown(f"the mail server (SMTP) did not answer: {error!r}") from error
        finally:
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        """Logged in; a server far away hears no password without TLS."""
        tls, here = self._port == TLS_PORT, on_this_machine(self._host)
        client = aiosmtplib.SMTP(
            hostname=self._host,
            local_hostname=self._name,
            port=self._port,
            use_tls=tls,
            start_tls=not (tls or here),
            timeout=SMTP_SECONDS,
            tls_context=ssl.create_default_context(),
        )
        try:
            await client.connect()
            await client.ehlo()
            if client.supports_extension("auth"):
                await client.login(self._user, self._password)
            elif not here:
                raise ChannelError("the mail server (SMTP) offers no login")
        except aiosmtplib.SMTPAuthenticationError as error:
            client.close()
            raise NotPermitted(
                f"the mail server (SMTP) refuses {self._user}: {error.message}",
                "check EMAIL_PASSWORD or EMAIL_SMTP_PASSWORD in .env",
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise ChannelError(f"the mail server (SMTP) cannot be reached: {error}") from error
        except BaseException:
            client.close()
            raise
        return client


def _refusal(code: int, said: str) -> ChannelError:
    if 400 <= code < 500:
        return Delayed(WAIT_SECONDS)
    return Refused(f"the mail server (SMTP) says: {code} {said}")
