"""Which files and folders are known to hold secrets. The sandbox hides the places, and the gate
asks before a file with such a name is read."""

from __future__ import annotations

import os
import re
from fnmatch import translate
from functools import cache
from pathlib import Path

_FOLDERS = (
    ".aws", ".azure", ".claude", ".codex", ".docker", ".gnupg", ".hermes", ".kube", ".mozilla",
    ".oci", ".openclaw", ".password-store", ".ssh", ".terraform.d", ".thunderbird",
    ".config/BraveSoftware", ".config/chromium", ".config/doctl", ".config/gcloud", ".config/gh",
    ".config/github-copilot", ".config/google-chrome", ".config/op", ".config/rclone",
    ".config/sops", ".local/share/keyrings", ".local/share/kwalletd", "Library/Cookies",
    "Library/Keychains", "Library/Application Support/Google/Chrome",
)  # fmt: skip
_FILES = (
    ".bash_history", ".boto", ".cache/huggingface/token", ".cargo/credentials",
    ".cargo/credentials.toml", ".config/git/credentials", ".env", ".gem/credentials",
    ".git-credentials", ".huggingface/token", ".my.cnf", ".mysql_history", ".netrc", ".npmrc",
    ".pgpass", ".psql_history", ".pypirc", ".python_history", ".s3cfg", ".vault-token",
    ".zsh_history",
)  # fmt: skip
_SYSTEM = (
    "/etc/gshadow", "/etc/gshadow-", "/etc/shadow", "/etc/shadow-", "/etc/ssl/private",
    "/etc/sudoers", "/etc/sudoers.d", "/var/lib/containerd", "/var/lib/docker",
)  # fmt: skip

SECRET_NAMES = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.keystore", "*.jks",
    "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*_rsa", "*_ed25519", ".netrc",
    "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials", "credentials",
    "credentials.*", "secrets", "secrets.*", "*.tfstate", "*.tfvars", "service-account*.json",
    "ssh_host_*_key", "shadow", "gshadow", ".vault-token", ".*_history",
)  # fmt: skip
HARMLESS_NAMES = ("*.example", "*.sample", "*.template", "*.dist", "*.pub", "*.py")

_SECRET = re.compile("|".join(map(translate, SECRET_NAMES)))
_HARMLESS = re.compile("|".join(map(translate, HARMLESS_NAMES)))


def has_secret_name(path: Path) -> bool:
    """Whether a file called this is known to hold secrets; templates and public keys are not."""
    name = path.name.lower()
    return bool(_SECRET.match(name)) and not _HARMLESS.match(name)


def secret_places(user_home: Path) -> list[Path]:
    """The known folders and files with secrets that exist here, links resolved."""
    return [Path(name).resolve() for name in _known_places(user_home) if os.access(name, os.F_OK)]


@cache
def _known_places(user_home: Path) -> tuple[str, ...]:
    return (*(str(user_home / name) for name in (*_FOLDERS, *_FILES)), *_SYSTEM)
