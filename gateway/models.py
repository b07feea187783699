"""Which provider and model a run speaks to. The table is the one place that names providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.events import RunStarted
from agent.inputs import RunOptions
from agent.providers.base import Provider
from gateway.load import load
from hermes_home.errors import ProviderError, SettingsError, UnavailableError
from hermes_home.settings import Settings

PROVIDERS = {
    "offline": "agent.providers.offline.provider:Offline",
    "openai_chat": "agent.providers.openai_chat:OpenAIChat",
}
CONTEXT_WINDOW = "agent.providers.discovery:context_window"
DEFAULT_WINDOW = 32_768
"""Tokens, where neither the settings nor the endpoint tell."""
OFFLINE_MODEL = "offline"


@dataclass(frozen=True)
class Model:
    """A model ready to be asked. `window` in tokens."""

    provider: Provider
    id: str
    window: int


class Models:
    """Opens providers by the settings and a run's options, and keeps them open."""

    def __init__(self, settings: Callable[[], Settings], key: Callable[[str], str]) -> None:
        self._settings = settings
        self._key = key
        self._open: dict[tuple[str, str], Provider] = {}
        self._retired: list[Provider] = []
        self._windows: dict[tuple[str, str], int] = {}

    def resolve(self, options: RunOptions) -> tuple[str, str]:
        """(provider, model id) for a new run; SettingsError if they do not fit together."""
        model = self._settings().model
        name = options.provider or ("openai_chat" if options.base_url else model.provider)
        if name not in PROVIDERS:
            raise SettingsError(
                f"there is no provider {name!r}", f"There are: {', '.join(PROVIDERS)}."
            )
        if name == "offline":
            if options.model not in ("", OFFLINE_MODEL) and not options.provider:
                raise SettingsError(
                    f"there is no endpoint for the model {options.model!r}",
                    "Give --base-url, or run `hermes setup`.",
                )
            return name, OFFLINE_MODEL
        id = options.model or model.default
        if not id:
            raise SettingsError("no model is chosen", "Run `hermes setup`, or give --model.")
        if not (options.base_url or model.base_url):
            raise SettingsError(
                "model.base_url is empty", "Run `hermes setup`, or give --base-url."
            )
        return name, id

    async def open(self, options: RunOptions, started: RunStarted) -> Model:
        """The model a run began with."""
        if started.provider not in PROVIDERS:
            raise UnavailableError(
                f"this run began with the provider {started.provider!r}, which is not here",
                "Start a new run.",
            )
        if started.provider == "offline":
            return Model(self._provider("offline", ""), OFFLINE_MODEL, DEFAULT_WINDOW)
        base_url = options.base_url or self._settings().model.base_url
        provider = self._provider(started.provider, base_url)
        return Model(provider, started.model, await self._window(base_url, started.model))

    async def learner(self, options: RunOptions, run: Model) -> Model | None:
        """The model of the setting `learning.model`, at the run's endpoint; None = the run's own,
        also where that is the offline one."""
        chosen = self._settings().learning.model
        if not chosen or chosen == run.id or run.id == OFFLINE_MODEL:
            return None
        base_url = options.base_url or self._settings().model.base_url
        return Model(run.provider, chosen, await self._window(base_url, chosen))

    def _provider(self, name: str, base_url: str) -> Provider:
        key = (name, base_url)
        if key not in self._open:
            maker: Any = load(PROVIDERS[name])
            self._open[key] = maker(name, base_url, self._key(base_url)) if base_url else maker()
        return self._open[key]

    async def _window(self, base_url: str, model: str) -> int:
        """The settings', else what the endpoint says, asked once."""
        if configured := self._settings().model.context_window:
            return configured
        key = (base_url, model)
        if key not in self._windows:
            ask: Any = load(CONTEXT_WINDOW)
            try:
                known = await ask(base_url, model, self._key(base_url))
            except ProviderError:  # the run's own request will say what is wrong
                return DEFAULT_WINDOW
            self._windows[key] = known or DEFAULT_WINDOW
        return self._windows[key]

    def window(self) -> int:
        """Tokens of the settings' model, as far as known by now."""
        model = self._settings().model
        known = self._windows.get((model.base_url, model.default), DEFAULT_WINDOW)
        return model.context_window or known

    async def close(self) -> None:
        for provider in [*self._open.values(), *self._retired]:
            await provider.close()
        self._open.clear()
        self._retired.clear()

    def forget(self) -> None:
        """The settings changed: keys and windows are read anew for the next run. Runs under way
        keep the provider they have."""
        self._retired += self._open.values()
        self._open.clear()
        self._windows.clear()
