"""The chat at a real (pseudo) terminal: typing, streaming, stopping, asking, coming back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hermes import Hermes
from tests.model_answers import Answer
from tests.model_server import ModelServer
from tests.terminal import Terminal
from tests.test_cli_daemon import use, wait_until, working

pytestmark = pytest.mark.slow


@pytest.fixture
def chat(hermes: Hermes) -> Iterator[Chat]:
    opened = Chat(hermes)
    yield opened
    opened.close()


class Chat:
    """Opens terminals with `hermes` in them, and closes them with the test."""

    def __init__(self, hermes: Hermes) -> None:
        self.hermes = hermes
        self.terminals: list[Terminal] = []

    def run(self, *words: str) -> Terminal:
        command = [*self.hermes.command, *words]
        terminal = Terminal(command, self.hermes.environment, self.hermes.workspace)
        self.terminals.append(terminal)
        return terminal

    def open(self, *words: str) -> Terminal:
        """A terminal whose prompt is there."""
        terminal = self.run(*words)
        terminal.wait("›")
        return terminal

    def close(self) -> None:
        for terminal in self.terminals:
            terminal.close()


def leave(terminal: Terminal) -> None:
    terminal.type("\x04")
    assert terminal.end() == 0


def test_words_typed_before_the_prompt_is_ready_are_kept(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("1. run `echo early`\r")
    terminal.wait("› shell echo early  ✓")
    leave(terminal)


def test_an_answer_streams_above_what_is_being_typed(chat: Chat, model_server: ModelServer) -> None:
    use(chat.hermes, model_server)
    model_server.script = [{"content": "```python\nprint(1)\n```\nand the end"}]
    terminal = chat.open()
    terminal.type("show me\r")
    terminal.wait("› show me")
    terminal.wait("print(1)")
    terminal.wait("and the end")
    terminal.wait("scripted")
    leave(terminal)


def test_words_typed_while_it_works_are_kept_and_join_the_run(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("1. run `sleep 2`\r")
    terminal.wait("running shell sleep 2")
    terminal.type("half a")
    terminal.wait("1 s · ")
    assert terminal.seen.endswith("› half a")
    terminal.type(" sentence\r")
    terminal.wait("› half a sentence\n")
    wait_until(lambda: not working(chat.hermes))
    leave(terminal)
    (session,) = chat.hermes.json("sessions", "list")
    assert "half a sentence" in chat.hermes.ok("sessions", "show", session["id"])


def test_ctrl_c_stops_the_run_first_then_empties_the_line_then_leaves(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("1. run `sleep 60`\r")
    terminal.wait("running shell sleep 60")
    terminal.type("a draft")
    terminal.wait("a draft")
    terminal.type("\x03")
    terminal.wait("· stopped")
    wait_until(lambda: not working(chat.hermes))
    terminal.settle()
    assert terminal.seen.endswith("› a draft")
    terminal.type("\x03")
    terminal.settle()
    assert terminal.seen.endswith("›")
    terminal.type("\x03")
    terminal.wait("Ctrl-C again leaves")
    terminal.type("\x03")
    assert terminal.end() == 0


def test_an_approval_shows_the_action_and_takes_the_word(
    chat: Chat, model_server: ModelServer
) -> None:
    use(chat.hermes, model_server)
    call: Answer = {"name": "shell", "arguments": {"command": "echo outside", "outside": True}}
    model_server.script = [{"tool_calls": [call]}, {"content": "went out"}]
    terminal = chat.open()
    terminal.type("go out\r")
    terminal.wait("echo outside")
    terminal.wait("y yes · n no · a always in this session")
    terminal.wait("waiting for you")
    terminal.type("y\r")
    terminal.wait("allowed")
    terminal.wait("› shell echo outside  ✓")
    terminal.wait("went out")
    leave(terminal)


def test_a_question_is_answered_by_number(chat: Chat, model_server: ModelServer) -> None:
    use(chat.hermes, model_server)
    asked = {"question": "Which colour?", "choices": ["red", "green"]}
    model_server.script = [
        {"tool_calls": [{"name": "ask", "arguments": asked}]},
        {"content": "as you wish"},
    ]
    terminal = chat.open()
    terminal.type("paint\r")
    terminal.wait("Which colour?")
    terminal.wait("2 green")
    terminal.type("2\r")
    terminal.wait("as you wish")
    leave(terminal)
    assert "green" in model_server.runs()[-1].body["messages"][-1]["content"]


def test_a_long_paste_arrives_whole_and_is_not_sent_by_its_newlines(
    chat: Chat, model_server: ModelServer
) -> None:
    use(chat.hermes, model_server, window=10_000_000)
    text = "\n".join(f"line {number} äöü" for number in range(60_000))
    terminal = chat.open()
    terminal.wait("scripted")
    terminal.paste(text)
    terminal.wait("characters]")
    assert model_server.requests == []
    terminal.type(" what is this?\r")
    wait_until(lambda: model_server.runs())
    said = model_server.runs()[0].body["messages"][1]["content"]
    assert said.startswith(text + " what is this?")
    wait_until(lambda: not working(chat.hermes))
    leave(terminal)


def test_a_message_of_several_lines(chat: Chat, model_server: ModelServer) -> None:
    use(chat.hermes, model_server)
    terminal = chat.open()
    terminal.wait("scripted")
    terminal.type("one\x1b\rtwo")
    terminal.settle()
    terminal.type("\r")
    wait_until(lambda: model_server.runs())
    assert model_server.runs()[0].session.startswith("one\ntwo")
    leave(terminal)


def test_closing_the_terminal_does_not_stop_the_task(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("1. run `sleep 2`\r")
    terminal.wait("running shell sleep 2")
    chat.terminals.remove(terminal)
    terminal.close()
    assert working(chat.hermes)
    again = chat.open("-c")
    again.wait("› shell sleep 2  ✓")
    leave(again)


def test_coming_back_shows_the_last_exchange(chat: Chat, model_server: ModelServer) -> None:
    use(chat.hermes, model_server)
    model_server.script = [{"content": "first answer"}, {"content": "second answer"}]
    chat.hermes.ok("chat", "-q", "first question")
    chat.hermes.ok("chat", "-c", "-q", "second question")
    terminal = chat.open("-c")
    terminal.wait("second question")
    terminal.wait("second answer")
    assert "first question" not in terminal.seen
    leave(terminal)


def test_the_view_outlives_the_daemon(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("1. run `echo before`\r")
    terminal.wait("› shell echo before  ✓")
    wait_until(lambda: not working(chat.hermes))
    chat.hermes.ok("daemon", "restart")
    terminal.type("1. run `echo after`\r")
    terminal.wait("› shell echo after  ✓")
    leave(terminal)


def test_a_resize_keeps_the_line_and_the_prompt(chat: Chat) -> None:
    terminal = chat.open()
    terminal.wait("offline")
    terminal.type("some words")
    terminal.wait("some words")
    terminal.resize(30, 10)
    terminal.settle()
    assert terminal.seen.endswith("› some words")
    terminal.type("\x15say hi\r")
    terminal.wait("Hi!")
    assert "some words" not in terminal.seen
    leave(terminal)


def test_commands_of_the_screen_and_of_the_daemon(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("/verbose\r")
    terminal.wait("verbose: on")
    terminal.type("/title walrus\r")
    terminal.wait("walrus")
    terminal.type("/nosuchcommand\r")
    terminal.wait("there is no command")
    terminal.type("/quit\r")
    assert terminal.end() == 0
    assert chat.hermes.json("sessions", "list")[0]["title"] == "walrus"


def test_no_colour_means_no_colour(chat: Chat, tmp_path: Path) -> None:
    chat.hermes.environment["NO_COLOR"] = "1"
    terminal = chat.open()
    terminal.type("1. run `echo plain`\r")
    terminal.wait("› shell echo plain  ✓")
    leave(terminal)
    assert "\x1b[3" not in terminal.raw
    assert "\x1b[0;3" not in terminal.raw


def test_nothing_asks_the_terminal_or_takes_its_mouse(chat: Chat) -> None:
    terminal = chat.open()
    terminal.type("say hi\r")
    terminal.wait("Hi!")
    leave(terminal)
    for code in ("\x1b[6n", "\x1b[?1049h", "\x1b[?1000h", "\x1b[?1003h"):
        assert code not in terminal.raw


def test_setup_asks_step_by_step_and_saves_what_was_chosen(
    chat: Chat, model_server: ModelServer
) -> None:
    terminal = chat.run("setup")
    terminal.wait("number, or Enter for none:")
    terminal.type("another address\r")
    terminal.wait("the endpoint's address")
    terminal.type(f"{model_server.url}\r")
    terminal.wait("OPENAI_API_KEY (not shown; Enter for none):")
    terminal.type("sesame\r")
    terminal.wait("Which model?")
    terminal.wait("1  scripted")
    terminal.type("1\r")
    terminal.wait("save it all the same? [y/N]")
    terminal.type("y\r")
    assert terminal.end() == 0
    assert "sesame" not in terminal.raw
    assert chat.hermes.json("model")["model"] == "scripted"
    assert "sesame" in (chat.hermes.home / ".env").read_text()


def test_deleting_asks_and_no_keeps(chat: Chat) -> None:
    session = chat.hermes.json("-z", "say hi")["session"]
    for word, kept in (("n", True), ("y", False)):
        terminal = chat.run("sessions", "delete", session)
        terminal.wait("delete 'say hi'? [y/N]")
        terminal.type(f"{word}\r")
        assert terminal.end() == (1 if kept else 0)
        assert bool(chat.hermes.json("sessions", "list")) is kept
