"""A home as hermes-agent 0.19 leaves it, with something in every place it has."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

SKILL = "---\nname: {name}\ndescription: Use when {name} is asked for.\n---\n1. Do {name}.\n"
CONFIG = """\
_config_version: 33
model:
  default: qwen3:8b
  provider: ollama
agent:
  max_turns: 40
timezone: Europe/Berlin
memory:
  memory_char_limit: 3000
  nudge_interval: 10
compression:
  threshold: 0.6
display:
  busy_input_mode: queue
"""
JOBS = [
    {"id": "a" * 12, "name": "Morning report", "prompt": "Report the news.", "enabled": True,
     "schedule": {"kind": "cron", "expr": "0 9 * * 1-5"}, "deliver": "local", "skills": ["ferry"],
     "repeat": {"times": None, "completed": 3}},
    {"id": "b" * 12, "name": "Disk", "prompt": "Look at the disk.",
     "schedule": {"kind": "interval", "minutes": 90}, "deliver": "origin",
     "origin": {"platform": "telegram", "chat_id": "42"}, "enabled": False},
    {"id": "c" * 12, "name": "Past", "prompt": "Was due.",
     "schedule": {"kind": "once", "run_at": "2020-01-01T09:00:00+00:00"}},
    {"id": "d" * 12, "name": "Scripted", "prompt": "", "script": "check.py", "no_agent": True,
     "schedule": {"kind": "interval", "minutes": 5}},
    {"id": "e" * 12, "name": "Odd", "prompt": "x", "schedule": {"kind": "lunar"}},
]  # fmt: skip
MEMORY = "The ferry leaves at nine.\n§\nThe printer\nis upstairs.\n"
USER = "Ada prefers short answers.\n"
ODD_FILES = (
    "skills/.usage.json", "skills/.archive/old/SKILL.md", "skills/.hub/lock.json",
    "skills/.curator_state", "skills/.curator_backups/1.tar.gz", "skill-bundles/day.yaml",
    "pending/skills/1.json", "memories/MEMORY.md.lock", "memories/MEMORY.md.bak.17",
    "cron/executions.db", "cron/output/a/1.md", "cron/.jobs.lock", "scripts/check.py",
    "hooks/n/HOOK.yaml", "plugins/p/plugin.py", "checkpoints/store/x", "auth.json",
    "pairing/telegram.json", "logs/gateway.log", "processes.json", "image_cache/1.png",
    ".skills_prompt_snapshot.json", "profiles/work/config.yaml", "gateway_state.json",
)  # fmt: skip


def make(root: Path) -> Path:
    """The home at `root`, its database left open as by a killed process (with a -wal)."""
    for name in ODD_FILES:
        _put(root / name, "{}")
    _put(root / "config.yaml", CONFIG)
    _put(root / ".env", "OPENAI_API_KEY=sk-their-secret\nTELEGRAM_ALLOWED_USERS=42\n")
    _put(root / "SOUL.md", "You are the harbour's agent.\n")
    _put(root / "memories/MEMORY.md", MEMORY)
    _put(root / "memories/USER.md", USER)
    _put(root / "cron/jobs.json", json.dumps({"jobs": JOBS, "updated_at": "2026-01-01"}))
    _put(root / "skills/travel/ferry/SKILL.md", SKILL.format(name="ferry"))
    _put(root / "skills/travel/ferry/scripts/run.sh", "#!/bin/sh\necho ferry\n")
    (root / "skills/travel/ferry/assets").mkdir()
    (root / "skills/travel/ferry/assets/map.png").write_bytes(bytes(range(256)))
    _put(root / "skills/My Skill/SKILL.md", SKILL.format(name="My_Skill"))
    _put(root / "skills/broken/SKILL.md", "---\nname: [\n---\n")
    _put(root / "skills/empty/SKILL.md", "")
    _put(root / "skills/taken/SKILL.md", SKILL.format(name="taken"))
    _put(root / "skills/flat.md", "An old flat skill.\n")
    (root / "skills/linked").symlink_to("/etc")
    _database(root)
    return root


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _database(root: Path) -> None:
    """Its -wal holds the rows: a copy of the main file alone would be empty."""
    live = root / "live.db"
    database = sqlite3.connect(live, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT, title TEXT)")
    database.execute("CREATE TABLE messages (session_id TEXT, role TEXT, content TEXT)")
    for number in range(3):
        database.execute("INSERT INTO sessions VALUES (?, 'cli', 'hi')", [f"s{number}"])
    for ending in ("", "-wal"):
        (root / f"state.db{ending}").write_bytes((root / f"live.db{ending}").read_bytes())
    database.close()
    for left in root.glob("live.db*"):
        left.unlink()


def traces(root: Path) -> dict[str, tuple[str, int, int]]:
    """What shows whether anything was touched: contents, times and modes of everything."""
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        status = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        digest = hashlib.sha256(data).hexdigest()
        found[str(path.relative_to(root))] = (digest, status.st_mtime_ns, status.st_mode)
    return found
