"""Every exception the program raises on purpose, in one tree.

HermesError
├── UsageError          the person at the command line; exit 2
│   ├── SettingsError   whoever wrote config.yaml or .env
│   └── HomeError       whoever chose the home: foreign, on a network disk, not writable
├── UnavailableError    the daemon or the model cannot be reached; exit 4
├── ProviderError       the loop: what a model API answered, and whether to try again
├── BudgetError         the loop: a hard limit is reached; exit 3
├── ToolError           the model, as the result of its call
│   ├── ChangeRefused   the learner: the door did not let a change through
│   └── FetchError      something of the web that did not come
│       └── FetchRefused  an address that is not fetched, whoever asks
├── SkillError          the author of a SKILL.md
├── SandboxError        policy: commands cannot be confined here
└── StoreError          whoever runs the daemon: the journal cannot be written or read
"""

from __future__ import annotations


class HermesError(Exception):
    """What happened, and in `hint` what to do next."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(HermesError):
    """Wrong usage; read by the person at the command line."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting that cannot be used; names the file, the key and the nearest known one."""


class HomeError(UsageError):
    """This folder cannot be our home."""


class UnavailableError(HermesError):
    """The daemon or the model cannot be reached."""

    exit_code = 4


class ProviderError(HermesError):
    """A model API's refusal or fault.

    kind: auth, quota, rate, overloaded, server, timeout, connection, too_long, bad_request,
    bad_reply. retryable: the same request may succeed later. retry_after: seconds, if told.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        kind: str = "server",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after


class BudgetError(HermesError):
    """A hard limit stopped the work."""

    exit_code = 3


class ToolError(HermesError):
    """Read by the model as the result of its call: what was wrong and what to do instead."""


class ChangeRefused(ToolError):
    """The door refused to learn this; the message says why."""


class NotSaved(ChangeRefused):
    """Nothing can be saved for now, whatever is tried: the disk refuses, or learning is off."""


class FetchError(ToolError):
    """What was asked of the web did not come; the message says where it stuck."""


class FetchRefused(FetchError):
    """An address that is not fetched: not public, not http, or one that carries a secret."""


class SkillError(HermesError):
    """Read by the author of a skill."""


class SandboxError(HermesError):
    """Commands cannot be confined on this machine."""


class StoreError(HermesError):
    """The store is unreadable, newer than this program, or full."""
