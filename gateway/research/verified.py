"""One instance of a task: its workspace is made, the agent works in it, and the task's verifier,
which the agent never sees, has the last word on the run."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec

from agent.events import RunJudged, SessionRenamed
from agent.inputs import RunOptions
from agent.sandbox.choose import SandboxKind
from agent.tools.shell import Shells
from gateway.app import App
from gateway.research.one import Done, Work, carry_out
from gateway.research.tasks.base import Bench, Instance, Task, Verdict, write
from hermes_home.config_edit import set_value
from hermes_home.errors import SandboxError
from hermes_home.files import put
from hermes_home.paths import Home
from memory.outcomes.facts import session_facts
from memory.redaction import Redactor
from memory.trajectory import Trajectory, redacted, trajectory

SOURCE = "research"
BY = "verifier"
CONFINED = {
    "approvals.mode": "auto-in-sandbox",
    "sandbox.network": "off",
    "sandbox.write": "[]",
}
"""How a copy of a home works, whatever the home itself may do."""
_PROGRAM = Path(__file__).resolve().parents[2]
HIDDEN = tuple(str(_PROGRAM / name) for name in ("gateway/research", "tests", ".git"))
"""Where the answers are, in a checkout too: no command of a run finds them."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of an instance. `trajectory` has the verdict in it."""

    trajectory: Trajectory
    verdict: Verdict
    done: Done


def confine(home: Home) -> None:
    """Settings of a copy of a home that let its runs reach nothing but their workspaces."""
    for key, value in CONFINED.items():
        put(home.config, set_value(home, key, value).encode())


async def need_sandbox(app: App) -> SandboxKind:
    """SandboxError if commands cannot be confined here."""
    kind = await app.sandbox()
    if kind is None:
        raise SandboxError(
            "commands cannot be confined here, so nothing is run", "`hermes doctor` says why."
        )
    return kind


async def attempt(
    app: App,
    task: Task,
    number: int,
    seed: int,
    *,
    folder: Path,
    options: RunOptions,
) -> Verified:
    """Work on one instance in `folder`, which holds nothing, and have it judged."""
    kind = await need_sandbox(app)
    instance = task.instance(number, seed)
    workspace = folder / f"{task.name}-{number}"
    write(workspace, instance.files)
    options = msgspec.structs.replace(options, hidden=(*options.hidden, *HIDDEN))
    work = Work(instance.prompt, workspace, f"{SOURCE} {uuid4().hex}", options)
    done = await carry_out(app, work, SOURCE)
    verdict = await judged(app.home, kind, instance, workspace)
    title = f"{task.name} {number}" + (f", seed {seed}" if seed else "")
    return Verified(await _record(app, done.trajectory.session, title, verdict), verdict, done)


async def judged(
    home: Home, kind: SandboxKind | None, instance: Instance, workspace: Path
) -> Verdict:
    """What the verifier says of a workspace as it is now. Whatever it runs is a copy, and has no
    network."""
    scratch = Path(tempfile.mkdtemp(prefix="hermes-verify-")).resolve()
    try:
        shells = partial(Shells, home, sandbox=kind, hidden=[Path(one) for one in HIDDEN])
        return await instance.judge(Bench(workspace, scratch, shells))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


async def _record(app: App, session: str, title: str, verdict: Verdict) -> Trajectory:
    """Store the verdict with the run that it is about, and compute the session anew."""
    runs = session_facts(app.journal.read(session))
    run = next(reversed(runs), "")
    event = RunJudged(run=run, good=verdict.good, by=BY, reason=verdict.reason)
    await app.record(SessionRenamed(title=title), session, "")
    await app.record(event, session, run)
    await app.quiet()
    found = trajectory(app.journal.read(session), app.journal.blob)
    return redacted(found, Redactor(app.secret_values()))
