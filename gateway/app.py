"""Builds the parts of a home and hands each to whoever needs it. One App per daemon.

What the doors (api, commands) want to know about those parts is answered in gateway/reports.py.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.checkpoint import evaluation_tools
from agent.conversation import Conversation
from agent.events import AnyEvent, ChangeIntended
from agent.inputs import RunOptions
from agent.learning.door import Door
from agent.messages import Usage
from agent.meter import Kind, Meter
from agent.policy import Policy
from agent.prompt import system_prompt, version_of
from agent.providers.endpoints import endpoint_at
from agent.sandbox.choose import SandboxKind, probe
from agent.tools.ask import ask_tools
from agent.tools.files import file_tools
from agent.tools.search import search_tools
from agent.tools.shell import Shells, shell_tools
from agent.tools.todo import todo_tools
from agent.tools.toolbox import Toolbox
from agent.tools.web import web_tools
from agent.trial_policy import TrialPolicy
from gateway.channels.hub import Hub
from gateway.chats.postings import told
from gateway.chats.sending import sending_tools
from gateway.cron.tools import schedule_tools
from gateway.learning import forgetting
from gateway.learning.curator import Curator
from gateway.learning.settling import Settling
from gateway.learning.trials import Trials
from gateway.learning.upkeep import Upkeep
from gateway.models import Models
from gateway.recurring import Recurring
from gateway.router import Router
from gateway.web import Web
from hermes_home.config_edit import set_value
from hermes_home.errors import HermesError, SettingsError
from hermes_home.files import create
from hermes_home.history import History
from hermes_home.paths import Home
from hermes_home.secrets import Secrets, load_secrets
from hermes_home.settings import LearningSettings, Settings, load_settings, read_config
from hermes_home.watcher import Watcher
from memory.arrivals import Arrivals
from memory.chats import Chats
from memory.database import Database
from memory.grants import Grants
from memory.index import Index
from memory.journal import Journal
from memory.notes.store import Notes
from memory.outbox import Outbox
from memory.queues import Inbox
from memory.tools import note_tools
from memory.tools import search_tools as session_tools
from memory.usage import spent_on
from skills.library import Library
from skills.tools import skill_tools
from skills.writer import Writer

log = logging.getLogger(__name__)
PLAIN = RunOptions()
AFTER_RESTART = ("sandbox.mode", "skills.extra_roots", "api.listen", "log.level")
"""Settings that count only when the daemon starts."""
BILLED_AS: dict[str, Kind] = {"checkpoint": "first", "trial": "learning"}
"""Which requests are no work, when the day's tokens are counted anew."""


@dataclass
class Watching:
    """What changes by hand while the daemon runs, and what is wrong with it."""

    settings: Settings
    broken: str = ""
    warnings: list[str] = field(default_factory=list)


class App:
    """The parts of one home. `open` makes it; everything else is a part or a way to a part."""

    def __init__(self, home: Home, settings: Settings, environment: Mapping[str, str]) -> None:
        self.home = home
        self._environment = environment
        self._watching = Watching(settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop: Callable[[], None] = lambda: None
        self._prompt: tuple[str, str, str] | None = None
        self._sandbox: asyncio.Task[SandboxKind | None] | None = None
        self.meter = Meter(settings.budget.per_day, self.today, Usage())
        self.restarts = False
        self.last_request = self.started = time.monotonic()
        self.views = 0
        self.api_address = ""
        self.candidates: tuple[int, list[str]] | None = None

    @classmethod
    async def open(cls, home: Home, environment: Mapping[str, str] = os.environ) -> App:
        """Everything opened and reconciled; nothing runs yet. The caller holds the home's lock."""
        app = cls(home, load_settings(home, environment), environment)
        app._watching.warnings += load_secrets(home, environment).warnings
        app._open_store()
        app._open_knowledge()
        await app.history.open()
        await app._reconcile()
        today, zone = app.today(), app.zone or datetime.now().astimezone().tzinfo
        assert zone is not None  # a local time always has a zone
        spent = await app.index.ask(lambda tables: spent_on(tables, today, zone))
        for purpose, usage in spent.by_purpose.items():
            app.meter.add(usage, BILLED_AS.get(purpose, "work"))
        app.meter.owe(spent.further)
        app.index.follow(app.journal)
        app._start_watching()
        app._sandbox = asyncio.create_task(probe(app.settings.sandbox.mode))
        return app

    def _open_store(self) -> None:
        self.database = Database(self.home)
        self.journal = Journal(self.database)
        self.inbox = Inbox(self.database)
        self.outbox = Outbox(self.database, split=lambda place, text: self.hub.split(place, text))
        self.arrivals = Arrivals(self.database)
        self.chats = Chats(self.database)
        self.grants = Grants(self.database)
        self.index = Index(self.home)
        self.models = Models(lambda: self.settings, self._key)
        self.web = Web(lambda: self.settings.web, self.secrets)
        self.router = Router(self)
        self.hub = Hub(self)
        self.recurring = Recurring(self)

    def _open_knowledge(self) -> None:
        self.history = History(self.home)
        self.door = Door(
            self.home, self.history, self.record, self.intent, lambda: self.learning.mode
        )
        roots = tuple(Path(root).expanduser() for root in self.settings.skills.extra_roots)
        self.library = Library(self.home, extra=roots)
        self.writer = Writer(self.home, self.library, self.door)
        self.upkeep = Upkeep(self)
        self.settling = Settling(self)
        self.curator = Curator(self)
        self.trials = Trials(self)
        self.notes = Notes(self.home, self.door, self.settings.memory, today=self.today)

    async def _reconcile(self) -> None:
        """What a crash left half said is made whole; what changed by hand meanwhile is committed
        as the owner's."""
        changes = self.journal.changes()
        self.upkeep.reconcile(changes)
        self.curator.reconcile(changes)
        await self.door.reconcile(changes)
        self.library.refresh()
        if self.journal.masks.last:
            await forgetting.complete(self)
        await self.trials.reconcile()

    async def close(self) -> None:
        await asyncio.to_thread(self.watcher.stop)
        if self._sandbox is not None:
            self._sandbox.cancel()
            await asyncio.wait({self._sandbox})
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.models.close()
        await self.history.close()
        await self.index.close()
        self.database.close()

    # -- settings -------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return self._watching.settings

    @property
    def learning(self) -> LearningSettings:
        """As set; off while config.yaml cannot be read."""
        if self._watching.broken:
            return replace(self.settings.learning, mode="off")
        return self.settings.learning

    @property
    def warnings(self) -> list[str]:
        broken = [self._watching.broken] if self._watching.broken else []
        jobs = self.recurring.warnings
        return [*broken, *self._watching.warnings, *self.history.warnings, *jobs]

    async def set_setting(self, key: str, value: str) -> str:
        """Write one setting; when it applies. On disk and committed when this returns."""
        before = read_config(self.home) if self.home.config.exists() else None
        after = set_value(self.home, key, value)
        if not self.history.replace("config.yaml", before, after):
            raise SettingsError("config.yaml changed just now", "Look at it and try again.")
        self.history.record(["config.yaml"], actor="owner", reason=f"set {key}")
        await self.history.flush()
        self.reload()
        if key.startswith("channels."):
            return "at once"
        return "after a restart" if key in AFTER_RESTART else "from the next run"

    def reload(self) -> None:
        """Read config.yaml again. If it is broken the last good settings stay, and nothing is
        learned until it is mended."""
        try:
            self._watching.settings = load_settings(self.home, self._environment)
            self._watching.broken = ""
        except SettingsError as error:
            self._watching.broken = str(error)
            log.warning("config.yaml is broken: %s", error)
            return
        self.meter.limit = self.settings.budget.per_day
        self.notes.settings = self.settings.memory
        self.models.forget()
        self.recurring.settings_changed()
        self.hub.changed()
        self._prompt = None

    def secrets(self) -> Secrets:
        """As they are now."""
        return load_secrets(self.home, self._environment)

    def secret_values(self) -> list[str]:
        """What must not leave in an export."""
        return list(load_secrets(self.home, self._environment).values())

    def _key(self, base_url: str) -> str:
        """The key for an endpoint: the one its provider's name calls for, read when needed."""
        endpoint = endpoint_at(base_url)
        secrets = load_secrets(self.home, self._environment)
        return secrets.get(endpoint.key if endpoint else "") or secrets.get("OPENAI_API_KEY")

    def warn(self, text: str) -> None:
        """Something for the owner to see in `hermes status`."""
        if text not in self._watching.warnings:
            self._watching.warnings.append(text)

    # -- time -----------------------------------------------------------------------------------

    @property
    def zone(self) -> tzinfo | None:
        """The home's zone; None = the machine's."""
        return ZoneInfo(self.settings.timezone) if self.settings.timezone else None

    @property
    def zone_name(self) -> str:
        return self.settings.timezone or datetime.now().astimezone().tzname() or ""

    def today(self) -> date:
        return datetime.now(self.zone).astimezone(self.zone).date()

    # -- the journal ----------------------------------------------------------------------------

    async def record(self, event: AnyEvent, session: str, run: str) -> int:
        """Store an event that no loop emits; a live conversation learns of it too."""
        deliver = await told(self, session, event) if session else []
        seq = await self.journal.append(event, session=session, run=run, deliver=deliver)
        if deliver:
            self.hub.wake()
        self.router.observe(session, event, seq, run)
        self.upkeep.take(seq, event)
        self.settling.after(session, event)
        return seq

    def intent(self, id: int) -> ChangeIntended | None:
        event = self.journal.event(id)
        return event if isinstance(event, ChangeIntended) else None

    def store(self, text: str) -> str:
        """Keep a long text below files/; the same text is kept once."""
        return self.keep(text.encode("utf-8", "replace"))

    def keep(self, data: bytes) -> str:
        """The same of bytes."""
        name = sha256(data).hexdigest()
        create(self.home.files / name, data)
        return name

    # -- what a run is made of ------------------------------------------------------------------

    async def prompt(self) -> tuple[str, str, str]:
        """The blobs of the system prompt and the schemas, and the version that names both."""
        if self._prompt is None:
            soul = self.home.soul.read_text(encoding="utf-8") if self.home.soul.exists() else ""
            system = system_prompt(soul)
            tools = self.toolbox(self.shells(self.home.root, None)).schemas
            version = version_of(system, tools)
            put = self.journal.put_blob
            self._prompt = put(system), put(tools.decode()), version
        return self._prompt

    async def sandbox(self) -> SandboxKind | None:
        """What confines commands here, found out once."""
        assert self._sandbox is not None
        return await asyncio.shield(self._sandbox)

    def shells(self, cwd: Path, kind: SandboxKind | None, options: RunOptions = PLAIN) -> Shells:
        """Where a session's commands run; nothing is started yet. Those of a trial write nothing
        but its copy, and reach nothing."""
        settings, trial = self.settings.sandbox, bool(options.trial)
        return Shells(
            self.home,
            cwd,
            sandbox=kind,
            writable=[] if trial else [Path(folder).expanduser() for folder in settings.write],
            readable=self._skill_folders(),
            hidden=[*self._without(options), *map(Path, options.hidden)],
            network=settings.network == "on" and not trial,
            environment=self._environment,
        )

    def toolbox(self, shells: Shells) -> Toolbox:
        """Every tool, in the order its schema is sent."""
        return Toolbox(
            lambda: [
                *shell_tools(shells),
                *file_tools(self.home),
                *search_tools(self.home, shells),
                *web_tools(self.web, self.keep, self.home.files),
                *schedule_tools(self),
                *sending_tools(self),
                *todo_tools(),
                *ask_tools(),
                *note_tools(self.notes),
                *session_tools(self.index, self.notes.search),
                *skill_tools(
                    self.library, self.writer, self.upkeep.hidden_in, self.upkeep.absent_in
                ),
                *evaluation_tools(),
            ],
            self.store,
        )

    def policy(self, sandbox: SandboxKind | None, options: RunOptions = PLAIN) -> Policy:
        if options.trial:
            hidden = self._without(options)
            return TrialPolicy(
                self.home, sandbox=sandbox, readable=self._skill_folders, hidden=hidden
            )
        return Policy(
            self.home,
            approvals=self.settings.approvals.mode,
            sandbox=sandbox,
            writable=[Path(folder) for folder in self.settings.sandbox.write],
            readable=self._skill_folders,
        )

    def _without(self, options: RunOptions) -> list[Path]:
        """The folders of the skill that a trial is to do without."""
        named = self.library.everywhere(options.trial) if options.without else []
        return [skill.folder for skill in named]

    def _skill_folders(self) -> list[Path]:
        return [root.path for root in self.library.roots()]

    async def recall(self, conversation: Conversation) -> str:
        """What a checkpoint is shown besides the conversation."""
        words = " ".join(conversation.said_since or conversation.said[-1:])
        catalog = self.library.catalog(words, self.settings.skills.catalog_tokens)
        cores = [self.notes.core(file, words, cwd=conversation.cwd) for file in ("user", "memory")]
        notes = [note for core in cores for note in core.texts]
        listed = "\n".join("- " + note.replace("\n", "\n  ") for note in notes) or "none"
        matching = "; ".join(catalog.entries) or "none"
        return f"Skills that match: {matching}\nNotes:\n{listed}"

    # -- hand edits -----------------------------------------------------------------------------

    def _start_watching(self) -> None:
        self.watcher = Watcher(self.home.root, asyncio.get_running_loop())
        self.watcher.watch(self.home.skills, self._skills_changed)
        self.watcher.watch(self.home.memories, self._notes_changed)
        self.watcher.watch(self.home.cron, self._jobs_changed)
        self.watcher.watch(self.home.root, self._settings_changed)
        self.watcher.start()

    def _skills_changed(self, paths: set[Path]) -> None:
        self.library.refresh(paths)
        self._commit_by_hand(paths)

    def _notes_changed(self, paths: set[Path]) -> None:
        for path in paths:
            self.background(self._take_notes(path))

    async def _take_notes(self, path: Path) -> None:
        """A hand save wins for what it touched; what was learned meanwhile stays in."""
        try:
            await self.notes.reconcile(path)
        except HermesError as error:
            log.warning("%s: %s", path.name, error)
        self._commit_by_hand({path})

    def _settings_changed(self, paths: set[Path]) -> None:
        self.reload()
        self._commit_by_hand(paths)

    def _jobs_changed(self, paths: set[Path]) -> None:
        self.recurring.files_changed(paths)
        self._commit_by_hand(paths)

    def _commit_by_hand(self, paths: set[Path]) -> None:
        """Committed as the owner's, but for what the door wrote, and for what a command that
        nothing confines may have done."""
        relative = [path.relative_to(self.home.root).as_posix() for path in sorted(paths)]
        unconfined = any(worker.unconfined for worker in self.router.workers.values())
        actor = "unknown" if unconfined else "owner"
        if unconfined:
            self.warn(f"{', '.join(relative)} changed while a command ran outside the sandbox")
        self.background(self.door.commit(relative, actor))

    # -- the daemon -----------------------------------------------------------------------------

    def background(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside; it is waited for when the app closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def quiet(self) -> None:
        """Wait for what is done beside."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def on_stop(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def ask_to_stop(self, *, restart: bool = False) -> None:
        self.restarts = restart
        self._stop()

    def touch(self) -> None:
        self.last_request = time.monotonic()

    @property
    def busy(self) -> bool:
        """Something an idle daemon must not leave: a run, a background process, a view, a port
        that somebody may call at, a channel, a job."""
        called = self.views > 0 or bool(self.api_address) or self.hub.busy
        return called or self.router.busy or self.recurring.busy

    def tool_roots(self) -> set[int]:
        """What everything a tool starts descends from: nobody else is a child of the daemon."""
        return {os.getpid()}
