"""config.yaml and .env: what can be set, what it means, where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from hermes_home.channel_settings import ChannelsSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.rules import Between, Folder, Folders, HostPort, Hosts, HttpAddress, ZoneName
from hermes_home.schema import build, options
from hermes_home.yaml_text import Section, parse

LARGEST = 256 * 1024
"""Bytes a settings file may have."""


@dataclass(frozen=True)
class ModelSettings:
    provider: Literal["offline", "openai_chat"] = "offline"
    """Which adapter speaks to the model: `offline` or `openai_chat`."""
    default: str = ""
    """The model's id at its endpoint; empty only for `offline`."""
    base_url: Annotated[str, HttpAddress()] = ""
    """Where the endpoint is, up to and with `/v1`."""
    context_window: Annotated[int, Between(1000, 100_000_000, also=", or 0")] = 0
    """Tokens the model can read; 0 = ask the endpoint, else 32768."""


@dataclass(frozen=True)
class LearningSettings:
    mode: Literal["auto", "suggest", "off"] = "auto"
    """auto writes what a checkpoint wants to keep; suggest proposes it; off makes no model call
    and no write."""
    checkpoint_every: Annotated[int, Between(0, 100_000)] = 15
    """Tool calls between two self-evaluations; 0 = never."""
    model: str = ""
    """The model that evaluates and is used for trials, at the run's endpoint; empty = the run's
    own. Another model has no part of the conversation in its cache."""
    budget: Annotated[float, Between(0.0, 1.0)] = 0.05
    """Tokens a day learning may use beyond each checkpoint's first reply, as a share of those the
    day's other requests used. When spent, a checkpoint is cut to one reply and says so."""
    withhold: Annotated[float, Between(0.0, 0.9)] = 0.2
    """Share of the sessions that match a candidate skill in which it is left out, to measure it."""


@dataclass(frozen=True)
class SkillsSettings:
    extra_roots: Annotated[tuple[str, ...], Folders()] = ()
    """More folders with skills, read only."""
    catalog_tokens: Annotated[int, Between(0, 20_000)] = 500
    """The most the catalog may take of a prompt."""
    taps: tuple[str, ...] = ()
    """Sources of skills that `hermes skills browse` and `search --shared` look at."""


@dataclass(frozen=True)
class MemorySettings:
    memory_chars: Annotated[int, Between(0, 100_000)] = 2200
    """The most characters of MEMORY.md in a prompt."""
    user_chars: Annotated[int, Between(0, 100_000)] = 1375
    """The most characters of USER.md in a prompt."""


@dataclass(frozen=True)
class AgentSettings:
    max_turns: Annotated[int, Between(1, 100_000)] = 90
    """Model replies in one run before it stops with a limit."""


@dataclass(frozen=True)
class BudgetSettings:
    per_day: Annotated[int, Between(0, 10**15)] = 0
    """Tokens all model requests of a day may use together; 0 = no limit. Stops with exit 3."""


@dataclass(frozen=True)
class SandboxSettings:
    mode: Literal["auto", "bubblewrap", "landlock", "off"] = "auto"
    """Where commands run: auto takes the first that works here; off asks for every command."""
    network: Literal["off", "on"] = "off"
    """Whether confined commands reach the network."""
    write: Annotated[tuple[str, ...], Folders()] = ()
    """Folders besides the workspace that confined commands may write."""


@dataclass(frozen=True)
class ApprovalsSettings:
    mode: Literal["ask", "auto-in-sandbox", "off"] = "auto-in-sandbox"
    """ask: every command and write is asked for; auto-in-sandbox: only what leaves the sandbox;
    off: nothing is asked and nothing confined."""


@dataclass(frozen=True)
class WebSettings:
    search: Literal["auto", "brave", "ddgs"] = "auto"
    """Who searches the web: brave needs BRAVE_API_KEY; ddgs needs no key; auto takes brave if its
    key is there."""
    allow_private: Annotated[tuple[str, ...], Hosts()] = ()
    """Names, addresses or networks that are not public and that you may fetch all the same."""
    proxy: Annotated[str, HttpAddress()] = ""
    """The http proxy all fetches go through, which then resolves the names; empty = none."""


@dataclass(frozen=True)
class CompactionSettings:
    threshold: Annotated[float, Between(0.1, 0.95)] = 0.75
    """Share of the context window at which a conversation is shortened."""
    protect_last_n: Annotated[int, Between(0, 10_000)] = 20
    """Messages at the end that are never shortened."""


@dataclass(frozen=True)
class ApiSettings:
    listen: Annotated[str, HostPort()] = ""
    """Where the HTTP API listens besides its Unix socket, such as 127.0.0.1:8642; empty =
    nowhere. Needs HERMES_API_TOKEN."""
    hosts: tuple[str, ...] = ()
    """Names by which it may be called, besides those of `api.listen` and of this machine."""
    origins: tuple[str, ...] = ()
    """Web pages whose scripts may call it, such as https://app.example; no page otherwise."""
    per_minute: Annotated[int, Between(0, 10_000_000)] = 6000
    """Requests it takes in a minute; 0 = any number."""
    workspace: Annotated[str, Folder()] = ""
    """The folder in which sessions that `/v1` opens work; empty = your home folder, where
    writing asks and so is denied."""


@dataclass(frozen=True)
class LogSettings:
    level: Literal["debug", "info", "warning", "error"] = "info"
    """How much logs/daemon.log holds."""


@dataclass(frozen=True)
class Settings:
    """Everything in config.yaml. Each part is handed to whoever needs it, and no more."""

    model: ModelSettings = field(default_factory=ModelSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)
    skills: SkillsSettings = field(default_factory=SkillsSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    approvals: ApprovalsSettings = field(default_factory=ApprovalsSettings)
    web: WebSettings = field(default_factory=WebSettings)
    compaction: CompactionSettings = field(default_factory=CompactionSettings)
    channels: ChannelsSettings = field(default_factory=ChannelsSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    log: LogSettings = field(default_factory=LogSettings)
    timezone: Annotated[str, ZoneName()] = ""
    """An IANA name such as Europe/Berlin; empty = this machine's."""


def load_settings(home: Home, environment: Mapping[str, str]) -> Settings:
    """config.yaml as written; a missing file or key means the default.

    `~/` in folders is $HOME of `environment`; nothing else is taken from there. SettingsError
    names the file, the line, the key, and what to write instead.
    """
    return check_settings(read_config(home), home, environment)


def check_settings(text: str, home: Home, environment: Mapping[str, str]) -> Settings:
    """The settings that `text` would mean as config.yaml."""
    return build(Settings, parse_config(text, home), str(home.config), environment)


def parse_config(text: str, home: Home) -> Section:
    return parse(text, str(home.config))


def all_keys() -> tuple[str, ...]:
    """Every setting's dotted key, in the order of the sections."""
    return tuple(options(Settings))


def read_config(home: Home) -> str:
    """config.yaml's text with its line ends, or an empty text if there is no such file."""
    try:
        with home.config.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(
            f"{home.config} cannot be read: {error.strerror}", "check that it is a readable file"
        ) from error
    if len(data) > LARGEST:
        raise SettingsError(
            f"{home.config} is larger than {LARGEST // 1024} KiB", "settings are a few lines"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{home.config} line {line}: not UTF-8 text", "save the file as UTF-8"
        ) from error
