"""The places of a home. Everything the program keeps on disk is named here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

APPLICATION_ID = 0x48524D53
"""Marks our state.db in SQLite's file header ("HRMS"): how a home of ours is told from others."""


@dataclass(frozen=True)
class Home:
    """One home on disk. `root` is absolute; nothing here touches the disk but `make`."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def env(self) -> Path:
        return self.root / ".env"

    @property
    def soul(self) -> Path:
        return self.root / "SOUL.md"

    @property
    def skills(self) -> Path:
        return self.root / "skills"

    @property
    def memories(self) -> Path:
        return self.root / "memories"

    @property
    def cron(self) -> Path:
        return self.root / "cron"

    @property
    def state_db(self) -> Path:
        return self.root / "state.db"

    @property
    def index_db(self) -> Path:
        return self.root / "index.db"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    @property
    def socket(self) -> Path:
        return self.run / "daemon.sock"

    @property
    def lock(self) -> Path:
        return self.run / "daemon.lock"

    @property
    def known_version(self) -> Path:
        """The version the owner knows to be running here."""
        return self.run / "version"

    @property
    def origins(self) -> Path:
        """In a copy of a home: the folders, one a line, that are as private as the copy itself;
        first the home it was copied from."""
        return self.run / "origins"

    @property
    def log(self) -> Path:
        return self.logs / "daemon.log"
