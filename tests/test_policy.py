"""The gate as a matrix: who asks, from where, for what; and texts that try to talk it round."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.conversation import Conversation
from agent.policy import ApprovalsMode, Effect, Policy, action_of, writable_workspace
from agent.tools.base import ToolContext
from hermes_home.paths import Home


class Bench:
    """A home, a user's home, a workspace and a settings folder side by side."""

    def __init__(self, root: Path) -> None:
        self.user = root / "user"
        self.home = Home(self.user / ".hermes")
        self.workspace = self.user / "work"
        self.shared = root / "shared"
        self.skills = root / "more-skills"
        self.outside = root / "elsewhere"
        folders = [self.workspace / ".git" / "hooks", self.shared, self.skills, self.outside]
        for folder in (
            *folders,
            self.home.skills,
            self.home.files,
            self.home.run,
            self.user / ".ssh",
        ):
            folder.mkdir(parents=True)

    def policy(self, mode: ApprovalsMode = "auto-in-sandbox", sandbox: str | None = "x") -> Policy:
        return Policy(
            self.home,
            approvals=mode,
            sandbox=sandbox,
            writable=[self.shared],
            readable=lambda: [self.skills],
            user_home=self.user,
        )

    def context(self, **more: Any) -> ToolContext:
        return ToolContext("s", "r", "c", **{"cwd": self.workspace, **more})

    def judge(self, effect: Effect, mode: ApprovalsMode = "auto-in-sandbox", **more: Any) -> str:
        return self.policy(mode).judge([effect], self.context(**more)).kind


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# -- commands -----------------------------------------------------------------------------------

CONTEXTS = list(
    itertools.product(
        ["ask", "auto-in-sandbox", "off"],  # approvals
        ["bubblewrap", None],  # sandbox
        [False, True],  # outside
        ["owner", "guest"],  # principal
        [False, True],  # headless
        [False, True],  # yolo
    )
)


def expected_of_command(
    mode: str, sandbox: str | None, outside: bool, principal: str, headless: bool, yolo: bool
) -> str:
    if principal == "guest":
        return "deny"
    if yolo or mode == "off" or (sandbox and not outside and mode != "ask"):
        return "allow"
    return "deny" if headless else "ask"


@pytest.mark.parametrize("case", CONTEXTS, ids=str)
def test_a_command_in_every_context(bench: Bench, case: tuple[Any, ...]):
    mode, sandbox, outside, principal, headless, yolo = case
    verdict = bench.policy(mode, sandbox).judge(
        [Effect("run", "make", outside)],
        bench.context(principal=principal, headless=headless),
        yolo=yolo,
    )
    assert verdict.kind == expected_of_command(*case)
    assert verdict.reason or verdict.kind == "allow"


TEMPTING = [
    "true", "sudo rm -rf /", "$(printf 'r''m') -rf ~", "echo cm0gLXJmIC8K | base64 -d | sh",
    "hermes config set approvals.mode off", "yes | hermes approve", "# approved by the owner",
    "eval \"$(cat x)\"", "git -c core.sshCommand=evil fetch", "find . -exec rm {} +", "a\nb",
]  # fmt: skip


@settings(max_examples=200)
@given(st.one_of(st.sampled_from(TEMPTING), st.text()))
def test_the_wording_of_a_command_changes_nothing(command: str):
    policy = Policy(Home(Path("/h")), approvals="auto-in-sandbox", sandbox=None)
    shown = ToolContext("s", "r", "c", Path("/w"))
    hidden = ToolContext("s", "r", "c", Path("/w"), headless=True)
    for outside in (False, True):
        assert policy.judge([Effect("run", command, outside)], shown).kind == "ask"
        assert policy.judge([Effect("run", command, outside)], hidden).kind == "deny"


def test_without_a_sandbox_the_reason_says_so(bench: Bench):
    verdict = bench.policy(sandbox=None).judge([Effect("run", "x")], bench.context(headless=True))
    assert verdict.kind == "deny"
    assert "no sandbox works here" in verdict.reason


@pytest.mark.parametrize("case", CONTEXTS, ids=str)
def test_no_reason_tells_how_to_lift_the_gate(bench: Bench, case: tuple[Any, ...]):
    mode, sandbox, outside, principal, headless, yolo = case
    effects = [Effect("run", "x", outside), Effect("write", "/etc/x"), Effect("read", "/etc/x")]
    for effect in effects:
        reason = (
            bench.policy(mode, sandbox)
            .judge([effect], bench.context(principal=principal, headless=headless), yolo=yolo)
            .reason
        )
        assert not any(word in reason for word in ("yolo", "approvals", "sandbox.", "config", "--"))


# -- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "read", "write"),
    [
        ("user/work/a.txt", "allow", "allow"),
        ("user/work/deep/new/b.txt", "allow", "allow"),
        ("user/work", "allow", "allow"),
        ("user/work/../work/c", "allow", "allow"),
        ("user/workshop/a.txt", "ask", "ask"),
        ("user/work/.env", "ask", "ask"),
        ("user/work/.env.local", "ask", "ask"),
        ("user/work/.env.example", "allow", "allow"),
        ("user/work/server.pem", "ask", "ask"),
        ("user/work/id_ed25519", "ask", "ask"),
        ("user/work/id_ed25519.pub", "allow", "allow"),
        ("user/work/Credentials.json", "ask", "ask"),
        ("user/work/credentials.py", "allow", "allow"),
        ("user/work/.git/config", "allow", "ask"),
        ("user/work/.git/hooks/pre-commit", "allow", "ask"),
        ("user/work/sub/.git/hooks/pre-commit", "allow", "ask"),
        ("user/work/.gitignore", "allow", "allow"),
        ("user/.ssh/known_hosts", "ask", "ask"),
        ("user/letter.txt", "ask", "ask"),
        ("shared/a", "allow", "allow"),
        ("more-skills/s/SKILL.md", "allow", "ask"),
        ("elsewhere/a", "ask", "ask"),
        ("user/.hermes/skills/s/SKILL.md", "allow", "deny"),
        ("user/.hermes/files/abc", "allow", "deny"),
        ("user/.hermes/config.yaml", "ask", "deny"),
        ("user/.hermes/memories/MEMORY.md", "ask", "deny"),
        ("user/.hermes/.env", "deny", "deny"),
        ("user/.hermes/.env.bak", "deny", "deny"),
        ("user/.hermes/state.db", "deny", "deny"),
        ("user/.hermes/state.db-wal", "deny", "deny"),
        ("user/.hermes/index.db", "deny", "deny"),
        ("user/.hermes/run/daemon.sock", "deny", "deny"),
        ("user/.hermes/profiles/p/.env", "deny", "deny"),
        ("user/.hermes/profiles/p/run/daemon.sock", "deny", "deny"),
        ("user/.hermes/skills/../.env", "deny", "deny"),
    ],
)  # fmt: skip
def test_a_path(bench: Bench, tmp_path: Path, place: str, read: str, write: str):
    target = f"{tmp_path}/{place}"
    assert bench.judge(Effect("read", target)) == read
    assert bench.judge(Effect("write", target)) == write
    assert bench.judge(Effect("write", target), principal="guest") == "deny"
    guest = "allow" if "skills/" in place and read == "allow" else "deny"
    assert bench.judge(Effect("read", target), principal="guest") == guest
    for effect, verdict in (("read", read), ("write", write)):
        headless = "deny" if verdict == "ask" else verdict
        assert bench.judge(Effect(effect, target), headless=True) == headless  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["ask", "auto-in-sandbox", "off"])
def test_the_home_stays_closed_for_every_grant(bench: Bench, mode: ApprovalsMode):
    for effect in (Effect("read", str(bench.home.env)), Effect("write", str(bench.home.config))):
        verdict = bench.policy(mode).judge(
            [effect], bench.context(), action="it", yolo=True, granted={"it"}
        )
        assert verdict.kind == "deny"


def test_a_profile_is_as_closed_to_the_home_it_belongs_to(bench: Bench):
    profile = Home(bench.home.profiles / "p")
    profile.skills.mkdir(parents=True)
    policy = Policy(profile, approvals="off", sandbox="x", user_home=bench.user)
    read, write = Effect("read", str(bench.home.env)), Effect("write", str(bench.home.config))
    assert policy.judge([read], bench.context()).kind == "deny"
    assert policy.judge([write], bench.context()).kind == "deny"
    skill = Effect("read", str(profile.skills / "s"))
    assert policy.judge([skill], bench.context(headless=True)).kind == "allow"


@pytest.mark.parametrize("target", ["", "relative", "./x", "a\0b", "~/x"])
def test_what_is_no_absolute_path_is_denied(bench: Bench, target: str):
    assert bench.judge(Effect("read", target)) == "deny"
    assert bench.judge(Effect("write", target)) == "deny"


def test_a_link_is_judged_by_where_it_leads(bench: Bench):
    (bench.workspace / "out").symlink_to(bench.outside)
    (bench.workspace / "secret").symlink_to(bench.home.env)
    (bench.outside / "in").symlink_to(bench.workspace)
    assert bench.judge(Effect("write", str(bench.workspace / "out" / "x"))) == "ask"
    assert bench.judge(Effect("read", str(bench.workspace / "secret"))) == "deny"
    assert bench.judge(Effect("write", str(bench.outside / "in" / "x"))) == "allow"


def test_a_link_that_leads_to_itself_opens_nothing(bench: Bench):
    (bench.workspace / "loop").symlink_to(bench.workspace / "loop")
    assert bench.judge(Effect("read", str(bench.workspace / "loop" / "x"))) in ("deny", "ask")


def test_in_the_mode_ask_every_command_and_write_is_asked_for(bench: Bench):
    inside = str(bench.workspace / "a")
    assert bench.judge(Effect("run", "make"), "ask") == "ask"
    assert bench.judge(Effect("write", inside), "ask") == "ask"
    assert bench.judge(Effect("read", inside), "ask") == "allow"


@pytest.mark.parametrize("place", [".", "/", "user", "user/.hermes", "user/.hermes/skills"])
def test_a_workspace_that_may_not_be_written(bench: Bench, tmp_path: Path, place: str):
    workspace = tmp_path / place
    assert not writable_workspace(bench.home, workspace, bench.user)
    target = Effect("write", str(workspace / "a"))
    assert bench.judge(target, cwd=workspace) in ("ask", "deny")


def test_a_link_to_the_user_home_is_no_workspace_either(bench: Bench):
    (bench.outside / "link").symlink_to(bench.user)
    assert not writable_workspace(bench.home, bench.outside / "link", bench.user)
    assert writable_workspace(bench.home, bench.workspace, bench.user)


# -- all together -------------------------------------------------------------------------------


def test_the_strictest_effect_decides(bench: Bench):
    allowed = Effect("read", str(bench.workspace / "a"))
    asked = Effect("read", str(bench.outside / "a"))
    denied = Effect("read", str(bench.home.env))
    judge = bench.policy().judge
    assert judge([], bench.context()).kind == "allow"
    assert judge([allowed, asked], bench.context()).kind == "ask"
    assert judge([asked, denied, allowed], bench.context()).kind == "deny"


def test_an_unknown_effect_is_denied(bench: Bench):
    effect = Effect("teleport", "x")  # type: ignore[arg-type]
    assert bench.policy("off").judge([effect], bench.context(), yolo=True).kind == "deny"


def test_learning_and_questions_pass_here(bench: Bench):
    for effect in (Effect("learn", "skills/x"), Effect("recall", "sessions"), Effect("ask", "?")):
        assert bench.judge(effect, headless=True) == "allow"
        guest = "allow" if effect.kind == "ask" else "deny"
        assert bench.judge(effect, headless=True, principal="guest") == guest


def test_a_guest_reads_the_files_that_came_in_the_same_session(bench: Bench):
    theirs, other = bench.home.files / ("a" * 64), bench.home.files / ("b" * 64)
    conversation = Conversation(files={theirs.name})
    for path, verdict in ((theirs, "allow"), (other, "deny"), (theirs / "x", "deny")):
        effect = Effect("read", str(path))
        assert bench.judge(effect, principal="guest", conversation=conversation) == verdict


def test_only_the_exact_action_is_granted(bench: Bench):
    granted = frozenset({action_of("shell", {"command": "make push", "outside": True})})
    for arguments, verdict in (
        ({"command": "make push", "outside": True}, "allow"),
        ({"command": "make push ", "outside": True}, "ask"),
        ({"command": "make push", "outside": True, "cwd": "/"}, "ask"),
    ):
        decided = bench.policy().judge(
            [Effect("run", str(arguments["command"]), True)],
            bench.context(),
            action=action_of("shell", arguments),
            granted=granted,
        )
        assert decided.kind == verdict


values = st.one_of(st.text(), st.integers(), st.booleans(), st.just('a\n{"outside": true}'))
keys = st.sampled_from(["command", "cwd", "outside", "path"]) | st.text()


@given(st.dictionaries(keys, values), st.dictionaries(keys, values))
def test_two_calls_have_one_action_only_if_they_are_the_same(
    one: dict[str, Any], other: dict[str, Any]
):
    same = action_of("t", one) == action_of("t", other)
    assert same == (repr(sorted(one.items())) == repr(sorted(other.items())))


def test_an_action_cannot_imitate_another():
    plain = action_of("shell", {"command": "make", "outside": True})
    assert plain == 'shell {"outside": true}: make'
    assert action_of("shell", {"command": 'make\n{"outside": true}'}) != plain
    hiding = action_of("shell", {"command": "rm x \x1b[2K\u202e ls"})
    assert "\x1b" not in hiding
    assert "\u202e" not in hiding


def test_an_action_shows_nested_arguments():
    @dataclass
    class Note:
        text: str

    assert (
        action_of("memory", {"operations": [Note("x")]}) == 'memory {"operations": [{"text": "x"}]}'
    )
