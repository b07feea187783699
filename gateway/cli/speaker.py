"""What a line that a person typed means, and doing it: message, command, decision, answer."""

from __future__ import annotations

from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.talk import Talk, open_session, run_options

DECISIONS = {
    "y": (True, False),
    "yes": (True, False),
    "n": (False, False),
    "no": (False, False),
    "a": (True, True),
    "always": (True, True),
}
"""Word -> allow it, for the rest of the session."""
WAITING = {"ApprovalRequested": "approval", "QuestionAsked": "question"}
DECIDED = ("ApprovalDecided", "QuestionAnswered", "ToolFinished")


class Speaker:
    """One person's side of a conversation. The session is opened with the first words."""

    def __init__(self, arguments: Arguments, *, headless: bool) -> None:
        self.arguments = arguments
        self.talk: Talk | None = None
        self.own: set[str] = set()
        self._options = run_options(arguments, headless=headless)
        self._waiting: dict[str, dict[str, Any]] = {}

    def attach(self) -> bool:
        """Take up the session that -r or -c ask for; False if -c finds none in this folder."""
        if self.arguments.on("resume") or self.arguments.on("continue"):
            self.talk = attached(self.arguments, self.arguments.text("resume"))
            return self.talk is not None
        return True

    def go_back(self, command: str) -> None:
        """A command all by itself is about the folder's last session, if there is one, rather one
        in which something was said; but that of a skill begins one."""
        from gateway.cli.start import connect

        with connect(self.arguments.home) as wire:
            kinds = {row["name"]: row["kind"] for row in wire.get("/api/commands")}
        if kinds.get(command.split()[0]) != "skill":
            self.talk = attached(self.arguments, "") or attached(self.arguments, "", ran=False)

    @property
    def waited_for(self) -> dict[str, Any] | None:
        """The oldest event that waits for this person's word."""
        return next(iter(self._waiting.values()), None)

    def add(self, stored: dict[str, Any]) -> None:
        """Keep in mind what waits for an answer."""
        event = stored["event"]
        if event["type"] in WAITING:
            self._waiting[event["call_id"]] = event
        elif event["type"] in DECIDED:
            self._waiting.pop(event["call_id"], None)
        elif event["type"] == "RunFinished":
            self._waiting.clear()

    def say(self, text: str, kind: str = "message") -> str:
        """Do what the line means; returns what to show. A message joins the run that is working."""
        if event := self.waited_for:
            if event["type"] == "ApprovalRequested" and text.strip().lower() in DECISIONS:
                return self._decide(event, *DECISIONS[text.strip().lower()])
            if event["type"] == "QuestionAsked" and not text.startswith("/"):
                return self._answer(event, text.strip())
        if is_command(text):
            return self._command(text)
        row = self.session().post(kind, text=text, options=self._options)
        self.own.add(row["input"])
        return ""

    def stop(self) -> None:
        if self.talk:
            self.talk.post("stop")

    def session(self) -> Talk:
        if self.talk is None:
            self.talk = open_session(self.arguments.home, "terminal", self.arguments)
        return self.talk

    def _decide(self, event: dict[str, Any], allow: bool, session: bool) -> str:
        self.session().post("decision", call_id=event["call_id"], allow=allow, session=session)
        self._waiting.pop(event["call_id"], None)
        return ""

    def _answer(self, event: dict[str, Any], text: str) -> str:
        choices = event.get("choices", ())
        if text.isdigit() and 1 <= int(text) <= len(choices):
            text = choices[int(text) - 1]
        self.session().post("answer", call_id=event["call_id"], text=text)
        self._waiting.pop(event["call_id"], None)
        return ""

    def _command(self, text: str) -> str:
        talk = self.session()
        answer = talk.command(text, self._options)
        if answer.get("session") and answer["session"] != talk.session:
            talk.close()
            self.talk = Talk(talk.home, answer["session"])
            self._waiting.clear()
        if answer.get("input"):
            self.own.add(answer["input"])
        return str(answer.get("text", ""))


def is_command(text: str) -> bool:
    """`/name …`; a path such as /etc/hosts is none."""
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    return word.startswith("/") and len(word) > 1 and "/" not in word[1:]


def attached(arguments: Arguments, session: str, *, ran: bool = True) -> Talk | None:
    """A session that exists: by id, prefix or title, or with "" this folder's last one, if any;
    `ran`: in which something was said."""
    from urllib.parse import quote, urlencode

    from gateway.cli.start import connect
    from gateway.cli.talk import workspace

    with connect(arguments.home) as wire:
        if session:
            row = wire.get(f"/api/sessions/{quote(session, safe='')}")
        else:
            query = {"source": "terminal", "cwd": workspace(arguments), "ran": int(ran), "limit": 1}
            rows = wire.get(f"/api/sessions?{urlencode(query)}")
            if not rows:
                return None
            row = rows[0]
    return Talk(arguments.home, row["id"], known=row.get("seen", 0))
