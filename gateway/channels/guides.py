"""What a person needs to set each channel up: asked for by `hermes gateway setup`.

A table of plain words, apart from the channels' classes because it is read without opening them.
Whether the answers are right is found by connecting the channel with them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to know. key: a setting below `channels.<name>`, or, in capitals, a secret's name.

    where: how to come by it. default: taken when nothing is said; with `optional` it may stay
    empty. after, unless: asked for only if this other field has a value, or has none. made: a
    secret that we make up.
    """

    key: str
    ask: str
    where: str = ""
    default: str = ""
    optional: bool = False
    after: str = ""
    unless: str = ""
    made: bool = False

    @property
    def secret(self) -> bool:
        return self.key.isupper()


@dataclass(frozen=True, slots=True)
class Guide:
    """One channel. pairing: how its owner sends a code to {account}; empty if owners are
    named among the fields. closing: what to do then, with {account}; with_secret: the same where
    the account's address has a secret, with its parts {name}, {secret} and {domain}."""

    title: str
    about: str
    fields: tuple[Field, ...]
    pairing: str = ""
    closing: str = "Its owner can write to it now."
    with_secret: str = ""


TELEGRAM = Guide(
    "Telegram",
    "You need a bot of your own; Telegram gives you one in a minute.\n"
    "  1. In Telegram, open a chat with @BotFather and send /newbot.\n"
    "  2. Give it a name and a username that ends in `bot`.\n"
    "  3. BotFather answers with a token, like 123456789:AAF…; whoever has it is the bot.",
    (
        Field(
            "TELEGRAM_BOT_TOKEN",
            "the token",
            "from @BotFather; /mybots shows those you have",
        ),
        Field(
            "webhook_url",
            "a public https address of this machine that Telegram may call",
            "Enter for none: then we ask Telegram for news, which works everywhere",
            optional=True,
        ),
        Field(
            "webhook_listen",
            "where your TLS proxy leads that address to, host:port",
            default="127.0.0.1:8443",
            after="webhook_url",
        ),
        Field("TELEGRAM_WEBHOOK_SECRET", "the webhook's secret", after="webhook_url", made=True),
    ),
    "In Telegram, open a chat with {account}, press Start, and send it this code:",
)

MATRIX = Guide(
    "Matrix",
    "You need an account for the bot on any Matrix server, another one than your own.\n"
    "  1. Register it with a Matrix app, for example Element, and log out again.\n"
    "  2. Keep encryption off in the rooms you share with it; encrypted ones it cannot read.",
    (
        Field("homeserver", "the server's address", "for example https://matrix.org"),
        Field("user", "the bot's id", "like @hermes-of-ada:matrix.org"),
        Field(
            "MATRIX_PASSWORD", "its password", "Enter if you have an access token", optional=True
        ),
        Field("MATRIX_ACCESS_TOKEN", "its access token", unless="MATRIX_PASSWORD"),
        Field(
            "owners",
            "your own Matrix id",
            "like @ada:matrix.org; the bot joins rooms that you invite it to",
        ),
    ),
    closing="In your Matrix app, start a chat without encryption with {account} and write to it.",
)

EMAIL = Guide(
    "E-mail",
    "You need a mailbox for the bot, with IMAP and SMTP; another one than your own is best.\n"
    "Anybody can write any sender into a mail, so one proof is needed that it is you:\n"
    "  - your mail server's findings: open a mail in that mailbox, look at its source, and take\n"
    "    the first word of the topmost Authentication-Results header; or\n"
    "  - a secret in the address: you then write to bot+SECRET@example.org.",
    (
        Field("address", "the mailbox's address", "like bot@example.org"),
        Field("user", "the name to log in with", "Enter if it is the address", optional=True),
        Field("EMAIL_PASSWORD", "its password", "some providers want an app password"),
        Field("imap", "the server mail is read from, host:port", "like imap.example.org:993"),
        Field("smtp", "the server mail is sent by, host:port", "like smtp.example.org:465"),
        Field(
            "authserv_id",
            "the first word of Authentication-Results",
            "Enter if there is no such header: then the address gets a secret",
            optional=True,
        ),
        Field("EMAIL_TAG", "the secret in the address", unless="authserv_id", made=True),
        Field("owners", "your own address, which you write from", "like ada@example.org"),
    ),
    closing="Write to {account} from your own address.",
    with_secret="Write to {name}+{secret}@{domain} from your own address.\n"
    "Whoever knows the part behind the plus can write as you; it is EMAIL_TAG in .env.",
)

WEBHOOK = Guide(
    "Webhook",
    "For programs: they post signed messages to Hermes, and get the answers by signed posts.\n"
    "docs/channels/webhook.md shows how a post is signed.",
    (
        Field("reply_url", "where answers are posted to", "like http://127.0.0.1:9000/answers"),
        Field("listen", "where we listen, host:port", default="127.0.0.1:8787"),
        Field("owners", "the sender that is you", "a name your program uses, like ada"),
        Field("WEBHOOK_SECRET", "the secret of both sides", made=True),
    ),
    closing="Post messages to {account}; the secret is WEBHOOK_SECRET in .env.",
)

GUIDES: dict[str, Guide] = {
    "telegram": TELEGRAM,
    "matrix": MATRIX,
    "email": EMAIL,
    "webhook": WEBHOOK,
}
"""By the channel's name in the settings, in the order they are shown."""
