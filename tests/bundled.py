"""A bundled skill at work in a folder: its scripts, and the verification its page names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agent.providers.offline import instructions
from agent.providers.offline.text import codes, fill_command
from skills.library import BUNDLED
from skills.skill import SKILL_FILE, Skill, parse

Done = subprocess.CompletedProcess[str]


def skill_of(folder: Path) -> Skill:
    return parse((folder / SKILL_FILE).read_text(encoding="utf-8"), folder.name)


class Bundled:
    """One skill, used in the folder `at`. Nothing of the person who runs the tests is seen."""

    def __init__(self, name: str, at: Path) -> None:
        self.at = at
        self.folder = next(file.parent for file in BUNDLED.glob(f"*/{name}/{SKILL_FILE}"))
        self.procedure = instructions.read(skill_of(self.folder).body)

    def run(self, script: str, *words: str | Path, **more: str) -> Done:
        """A script of the skill with these arguments; `more` are environment variables."""
        file = self.folder / "scripts" / script
        return self._done([sys.executable, "-W", "error", str(file), *map(str, words)], more)

    def step(self, number: int, /, **values: str | Path) -> Done:
        """A numbered step of the procedure, counted from 1, its placeholders filled."""
        command = codes(self.procedure.steps[number - 1].text)[0]
        return self._shell(command, values)

    def verify(self, words: dict[str, str] | None = None, /, **values: str | Path) -> Done:
        """The verification with its placeholders filled and its capital words replaced."""
        command = self.procedure.check
        for word, meant in (words or {}).items():
            assert word in command, command
            command = command.replace(word, meant)
        return self._shell(command, values)

    def _shell(self, command: str, values: dict[str, str | Path]) -> Done:
        known = {"skill_dir": str(self.folder), **{k: str(v) for k, v in values.items()}}
        filled = fill_command(command, known)
        assert "{" not in filled.replace("${", ""), f"not all is filled: {filled}"
        return self._done(["sh", "-c", filled], {})

    def _done(self, command: list[str], more: dict[str, str]) -> Done:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(self.at), "LC_ALL": "C.UTF-8", **GIT, **more}
        return subprocess.run(
            command, cwd=self.at, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def git(self, *words: str) -> str:
        done = self._done(["git", *words], {})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str, **files: str) -> str:
        """Writes files (`a__b_py` is a/b.py) and commits everything; the short hash."""
        for name, text in files.items():
            file = self.at / name.replace("__", "/").replace("_md", ".md").replace("_py", ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "--short=9", "HEAD")


GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    **{f"GIT_{who}_NAME": "Ana" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ana@example.org" for who in ("AUTHOR", "COMMITTER")},
}
