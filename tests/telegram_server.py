"""A strict Telegram on loopback: people, chats, and the Bot API as it is documented.

    with TelegramServer() as server:
        ada = server.person("Ada")
        server.say(ada, "hello")              # to the bot, in private
        server.shown(ada["id"])               # the bot's messages as they look now

It refuses what the documentation does not know: unknown parameters, other types, HTML that does
not parse, texts too long or empty. tests/test_telegram_server.py has a public library vouch for it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.telegram_chats import Chats
from tests.telegram_forms import BadRequest
from tests.telegram_http import Web
from tests.telegram_methods import METHODS, Call
from tests.telegram_webhook import Deliverer

TOKEN = "4242:AAH-loopback_token_of_the_tests_0123456"
TERMINATED = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
ACTIVE = (
    "can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


@dataclass
class Fault:
    """What the next calls of a method meet.

    Not done: `flood` (429), `error` (500), `gone` (403), `entities` (400, the markup is not
    taken), `early` (cut). Done: `lost` (no answer until the server closes), `cut`, `late` (502),
    `mute` (the message's id left out), `bad` (the answer is no JSON).
    """

    kind: str
    left: int = 1
    seconds: int = 1


@dataclass
class Webhook:
    url: str = ""
    secret: str = ""
    info: dict[str, Any] = field(default_factory=dict)


class TelegramServer:
    """Runs in threads from `with` to its end. `calls`: every call that was let in, in order.
    `proxies`: where the https addresses of webhooks lead, (host, port) by host name."""

    def __init__(self, port: int = 0) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.closing = threading.Event()
        self.chats = Chats()
        self.token = TOKEN
        self.bot = self.chats.bot
        self.calls: list[Call] = []
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, Fault] = {}
        self.updates: deque[dict[str, Any]] = deque()
        self.confirmed: list[dict[str, Any]] = []
        self.delivered: Counter[int] = Counter()
        self.allowed: list[str] = []
        self.webhook = Webhook()
        self.proxies: dict[str, tuple[str, int]] = {}
        self._next_update = 7000
        self._poll = 0
        self._web = Web(self, port)
        self._deliverer = Deliverer(self)
        self.url = f"http://127.0.0.1:{self._web.port}"

    def __enter__(self) -> TelegramServer:
        self._web.start()
        self._deliverer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with self.changed:
            self.changed.notify_all()
        self._web.stop()
        self._deliverer.join()

    # -- people ---------------------------------------------------------------------------------

    def person(self, name: str, **fields: Any) -> dict[str, Any]:
        """A user with a private chat with the bot, of the same id."""
        with self.changed:
            return self.chats.person(name, **fields)

    def group(self, title: str, *, forum: bool = False) -> int:
        with self.changed:
            return self.chats.group(title, forum=forum)

    def say(
        self, user: Mapping[str, Any], text: str = "", chat: int | None = None, **fields: Any
    ) -> int:
        """Somebody writes; the number of the update. Mentions and commands in `text` become
        entities. fields: more of the message."""
        with self.changed:
            message = self.chats.written(user, text, chat or user["id"], fields)
            return self.update("message", message)

    def send_file(
        self, user: Mapping[str, Any], data: bytes, name: str, caption: str = "", **fields: Any
    ) -> int:
        """Somebody sends a document to the bot."""
        with self.changed:
            document = self.chats.file(data, name)
            given = {"document": document, "caption": caption, **fields}
            return self.say(user, "", **given)

    def press(self, user: Mapping[str, Any], chat: int, message: int, label: str) -> int:
        """Somebody presses a button under a message of the bot."""
        with self.changed:
            return self.update("callback_query", self.chats.pressed(user, chat, message, label))

    def update(self, kind: str, value: Mapping[str, Any]) -> int:
        """Queue any update, as it is."""
        with self.changed:
            self._next_update += 1
            if not self.allowed or kind in self.allowed:
                self.updates.append({"update_id": self._next_update, kind: value})
            self.changed.notify_all()
            return self._next_update

    def redeliver(self, count: int = 1000) -> None:
        """The last confirmed updates come once more, before all others."""
        with self.changed:
            again = self.confirmed[-count:]
            del self.confirmed[-count:]
            self.updates.extendleft(reversed(again))
            self.changed.notify_all()

    def shown(self, chat: int) -> list[dict[str, Any]]:
        """The bot's messages in a chat as they look now."""
        with self.changed:
            return [
                dict(message)
                for message in self.chats.messages[chat].values()
                if message["from"]["id"] == self.bot["id"]
            ]

    def fault(self, method: str, kind: str, times: int = 1, seconds: int = 1) -> None:
        with self.changed:
            self.faults[method] = Fault(kind, times, seconds)

    def cut(self) -> None:
        """Every open connection breaks."""
        self._web.hang_up()

    def wait(self, holds: Callable[[], object], seconds: float = 60) -> None:
        """Until something that a call changes is so."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not holds():
                left = deadline - time.monotonic()
                assert left > 0, "it never came to it"
                self.changed.wait(min(left, 0.1))

    # -- the API --------------------------------------------------------------------------------

    def answer(self, method: str, sent: Mapping[str, Any]) -> Any:
        """The result of one call. BadRequest."""
        name = next((known for known in METHODS if known.lower() == method.lower()), "")
        if not name:
            raise BadRequest("Not Found", 404)
        call = Call(name, METHODS[name].check(sent))
        with self.changed:
            self.counts[name] += 1
            self.calls.append(call)
            try:
                return METHODS[name].run(self, call.parameters)
            finally:
                self.changed.notify_all()

    def fault_for(self, method: str) -> Fault | None:
        """The fault this call meets, which is used up by it."""
        with self.changed:
            fault = self.faults.get(method)
            if fault is None:
                return None
            fault.left -= 1
            if fault.left <= 0:
                del self.faults[method]
            return fault

    def fetch_updates(
        self, offset: int, limit: int, timeout: int, allowed: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        """As getUpdates: a higher offset confirms, and another poll ends this one."""
        if self.webhook.url:
            raise BadRequest(ACTIVE, 409)
        if allowed is not None:
            self.allowed = list(allowed)
        self._poll += 1
        mine, deadline = self._poll, time.monotonic() + timeout
        self.changed.notify_all()
        self._confirm(offset)
        while not self.updates and not self.closing.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self.changed.wait(left)
            if mine != self._poll:
                raise BadRequest(TERMINATED, 409)
            if self.webhook.url:
                raise BadRequest("terminated by setWebhook request", 409)
        found = list(self.updates)[: limit or 100]
        self.delivered.update(update["update_id"] for update in found)
        return found

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            kept = list(self.updates)[offset:]
            self.confirmed += list(self.updates)[:offset]
            self.updates = deque(kept)
            return
        old = [update for update in self.updates if update["update_id"] < offset]
        self.confirmed += old
        self.updates = deque(one for one in self.updates if one["update_id"] >= offset)

    def drop(self) -> None:
        self.counts["dropped"] += len(self.updates)
        self.updates.clear()


def main() -> None:
    """For trying things by hand: what is typed is said by a person, answers are printed."""
    with TelegramServer(port=8081) as server:
        ada = server.person("Ada")
        print(f"{server.url}  token {server.token}", flush=True)
        try:
            while True:
                server.say(ada, input())
                time.sleep(3)
                print(json.dumps(server.shown(ada["id"])[-3:], indent=1), flush=True)
        except (EOFError, KeyboardInterrupt):
            return


if __name__ == "__main__":
    main()
