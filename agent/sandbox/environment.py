"""What a command finds in its environment: a few names, and never a secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_PASSED = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "SHELL"}
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def command_environment(
    environment: Mapping[str, str], allowed: Collection[str] = ()
) -> dict[str, str]:
    """The part of `environment` that commands see. `allowed`: more names the owner permits."""
    passed = {
        name: value
        for name, value in environment.items()
        if name in _PASSED or name.startswith("LC_") or name in allowed
    }
    return {"PATH": _DEFAULT_PATH, **passed, "TERM": "dumb"}
