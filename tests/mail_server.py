"""Real mail servers on loopback: Exim takes mail and hands it to Dovecot, which keeps it.

Exim plays the receiving server of the bot's domain: on every mail it writes what it found out
about the sender. Whoever logged in and writes under their own name passes.
"""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import smtplib
import tempfile
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from pathlib import Path

from imap_tools import MailBoxUnencrypted, MailMessage

from tests.servers import Server, accepts, free_port

DOMAIN = "mail.test"
AUTHSERV = "mx.mail.test"
PASSWORD = "pw"
PROGRAMS = ("dovecot", "exim4")
ABSENT = "apt-get install dovecot-imapd dovecot-lmtpd exim4-daemon-light"

_DOVECOT = """\
protocols = imap lmtp
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
mail_location = maildir:~/Maildir
{ssl}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
listen = 127.0.0.1
mailbox_idle_check_interval = 1s
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = home={folder}/home/%n
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
namespace inbox {{
  inbox = yes
}}
"""

_EXIM = """\
primary_hostname = {authserv}
spool_directory = {folder}/spool
log_file_path = {folder}/exim-%s.log
pid_file_path = {folder}/exim.pid
exim_user = {user}
exim_group = {group}
daemon_smtp_ports = {smtp} : {smtps}
tls_on_connect_ports = {smtps}
local_interfaces = 127.0.0.1
{tls}
host_lookup =
rfc1413_query_timeout = 0s
deliver_drop_privilege = true
never_users =
queue_only = false
acl_smtp_rcpt = accept
acl_smtp_data = check
message_size_limit = 60M

begin acl
check:
  warn  set acl_m_result = fail
  warn  authenticated = *
        condition = ${{if eqi{{${{address:$h_from:}}}}{{$authenticated_id@{domain}}}}}
        set acl_m_result = pass
  warn  add_header = :at_start:Authentication-Results: {authserv}; \
dmarc=$acl_m_result header.from=${{domain:$h_from:}}
  accept

begin routers
all:
  driver = accept
  transport = dovecot

begin transports
dovecot:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  port = {lmtp}
  hosts_override
  allow_localhost
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if eq{{$auth3}}{{{password}}}}}
  server_set_id = ${{local_part:$auth2}}
"""


class MailServer:
    """Both servers. `imap` and `smtp` are host:port. With a certificate they speak TLS too."""

    def __init__(self, certificate: str = "", key: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hermes-mail-"))
        self.folder.chmod(0o755)  # the servers run as somebody else when the tests run as root
        ports = {name: free_port() for name in ("imap", "imaps", "lmtp", "smtp", "smtps")}
        self.imap_port, self.smtp_port = ports["imap"], ports["smtp"]
        self.imaps_port, self.smtps_port = ports["imaps"], ports["smtps"]
        self.imap, self.smtp = (f"127.0.0.1:{ports[name]}" for name in ("imap", "smtp"))
        user, group = _runs_as()
        values = {
            "folder": self.folder,
            "user": user,
            "group": group,
            "domain": DOMAIN,
            "authserv": AUTHSERV,
            "password": PASSWORD,
            "ssl": "ssl = no",
            "tls": "tls_advertise_hosts =",
            **ports,
        }
        if certificate:
            values["ssl"] = f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}"
            values["tls"] = f"tls_certificate = {certificate}\ntls_privatekey = {key}"
        for name, text in (("dovecot.conf", _DOVECOT), ("exim.conf", _EXIM)):
            (self.folder / name).write_text(text.format(**values))
        for name in ("spool", "home", "run", "state"):
            (self.folder / name).mkdir()
        if os.geteuid() == 0:
            for name in ("", "spool", "home"):
                shutil.chown(self.folder / name, user, group)
        self._servers: list[Server] = []
        self._start("dovecot", "-F", "-c", str(self.folder / "dovecot.conf"))
        self._start("exim4", "-C", str(self.folder / "exim.conf"), "-bdf", "-q1m")
        self._servers[0].wait(lambda: accepts(ports["imap"]) and accepts(ports["lmtp"]))
        self._servers[1].wait(lambda: accepts(ports["smtp"]))

    def _start(self, *command: str) -> None:
        path = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert path, command[0]
        self._servers.append(Server(self.folder, path, *command[1:]))

    def account(self, name: str) -> Account:
        """The mailbox of that name; each there is."""
        return Account(self, name)

    def queued(self) -> bool:
        """Whether a mail is still on its way."""
        return any((self.folder / "spool" / "input").glob("*-H"))

    def close(self) -> None:
        for server in reversed(self._servers):
            server.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Account:
    """Somebody with a mail program."""

    def __init__(self, server: MailServer, name: str) -> None:
        self._server = server
        self.name = name
        self.address = f"{name}@{DOMAIN}"

    def mail(self, to: str, text: str, subject: str = "", **headers: str) -> EmailMessage:
        """A mail from this person, not sent yet; `In_Reply_To` is In-Reply-To."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.address, to, subject
        mail["Message-ID"], mail["Date"] = make_msgid(domain=DOMAIN), localtime()
        for name, value in headers.items():
            del mail[name.replace("_", "-")]
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        return mail

    def send(self, mail: EmailMessage | bytes, to: str, login: bool = True) -> None:
        """Send it by the server; without `login` as any stranger on the network may."""
        raw = mail.as_bytes() if isinstance(mail, EmailMessage) else mail
        with smtplib.SMTP("127.0.0.1", self._server.smtp_port, "localhost", 60) as client:
            if login:
                client.login(self.name, PASSWORD)
            client.sendmail(self.address, [to], raw)

    def write(self, to: str, text: str, subject: str = "", **headers: str) -> None:
        self.send(self.mail(to, text, subject, **headers), to)

    def box(self) -> MailBoxUnencrypted:
        box = MailBoxUnencrypted("127.0.0.1", self._server.imap_port)
        box.login(self.name, PASSWORD)
        return box

    def letters(self) -> list[MailMessage]:
        """Every mail in the box, oldest first, left as it is."""
        with self.box() as box:
            return list(box.fetch(mark_seen=False))

    def until(
        self, done: Callable[[list[MailMessage]], object], seconds: float = 60
    ) -> list[MailMessage]:
        deadline = time.monotonic() + seconds
        while not done(letters := self.letters()):
            assert time.monotonic() < deadline, [(one.subject, one.text) for one in letters]
            time.sleep(0.05)
        return letters


def _runs_as() -> tuple[str, str]:
    """(user, group) of the servers: ours, or Exim's own when we are root, as Exim demands."""
    if os.geteuid() == 0:
        return "Debian-exim", "Debian-exim"
    return getpass.getuser(), grp.getgrgid(pwd.getpwuid(os.geteuid()).pw_gid).gr_name


def installed() -> bool:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    programs = all(shutil.which(program, path=path) for program in PROGRAMS)
    return programs and Path("/usr/lib/dovecot/lmtp").exists()
