"""Finds the first commit at which a command fails, in a worktree of its own.

    find_commit.py --good v1.2 [--bad HEAD] [--setup "make"] [--times 1] -- COMMAND ARGUMENTS
    find_commit.py --confirm COMMIT -- COMMAND ARGUMENTS

The last line is `first bad: HASH SUBJECT`. Exit 0 found, 1 not found, 2 the ends are not as said.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SKIP = "skip"
PROVING = 3


class Trouble(Exception):
    """What keeps the search from having a meaning."""


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(done.stderr.strip() or f"git {words[0]} failed")
    return done.stdout.strip()


@dataclass
class Trial:
    """How a commit is tried."""

    tree: Path
    command: list[str]
    setup: str
    times: int
    timeout: float

    def at(self, commit: str, times: int = 0) -> str:
        """good, bad or skip: bad if any of the runs fails."""
        git(self.tree, "checkout", "--quiet", "--force", "--detach", commit)
        git(self.tree, "clean", "-xdfq")
        if self.setup and self._failed(self.setup, shell=True):
            return SKIP
        runs = range(times or self.times)
        return "bad" if any(self._failed(self.command, shell=False) for _ in runs) else "good"

    def _failed(self, command: str | list[str], shell: bool) -> bool:
        try:
            done = subprocess.run(
                command,
                cwd=self.tree,
                shell=shell,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True
        except OSError as error:
            raise Trouble(f"the command cannot be run: {error}") from None
        if done.returncode == 125 and not shell:
            raise Trouble("the command exits 125; that has no meaning here, let it exit 1")
        return done.returncode != 0


def prove(trial: Trial, good: str, bad: str) -> None:
    """The ends are what they are said to be, each time."""
    for commit, expected in ((good, "good"), (bad, "bad")):
        seen = {trial.at(commit, 1) for _ in range(PROVING)}
        if seen != {expected}:
            raise Trouble(f"{commit} should be {expected} but was {' and '.join(sorted(seen))}")
        print(f"{commit}: {expected}, {PROVING} times", flush=True)


def search(trial: Trial, good: str, bad: str) -> tuple[str, list[str]]:
    """The first bad commit, and those skipped beside it that might be it as well."""
    span = git(trial.tree, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}").split()
    if git(trial.tree, "merge-base", good, bad) != git(trial.tree, "rev-parse", f"{good}^{{}}"):
        raise Trouble(f"{good} is no ancestor of {bad}; take their merge base as the good end")
    low, high = -1, len(span) - 1
    skipped: set[int] = set()
    while True:
        open_ones = [at for at in range(low + 1, high) if at not in skipped]
        if not open_ones:
            doubtful = [span[at] for at in range(low + 1, high) if at in skipped]
            return span[high], doubtful
        middle = (low + high) // 2
        at = min(open_ones, key=lambda place: abs(place - middle))
        verdict = trial.at(span[at])
        print(f"{span[at][:10]}: {verdict} ({len(open_ones)} left)", flush=True)
        if verdict == SKIP:
            skipped.add(at)
        elif verdict == "bad":
            high = at
        else:
            low = at


def confirm(trial: Trial, commit: str) -> int:
    here, before = trial.at(commit), trial.at(f"{commit}^")
    print(f"{commit}: {here}; its parent: {before}")
    return 0 if (here, before) == ("bad", "good") else 1


def work(arguments: argparse.Namespace, tree: Path) -> int:
    alone = len(arguments.command) == 1 and " " in arguments.command[0]
    command = ["sh", "-c", *arguments.command] if alone else arguments.command
    trial = Trial(tree, command, arguments.setup, arguments.times, arguments.timeout or 3600)
    if arguments.confirm:
        return confirm(trial, arguments.confirm)
    prove(trial, arguments.good, arguments.bad)
    found, doubtful = search(trial, arguments.good, arguments.bad)
    for commit in doubtful:
        told = git(tree, "log", "-1", "--format=%h %s", commit)
        print(f"could not be tried, may be the one: {told}")
    print(f"first bad: {git(tree, 'log', '-1', '--format=%H %s', found)}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--good", default="")
    parser.add_argument("--bad", default="HEAD")
    parser.add_argument("--confirm", default="", metavar="COMMIT")
    parser.add_argument("--setup", default="", help="a shell command run at each commit first")
    parser.add_argument("--times", type=int, default=1, help="runs of each commit")
    parser.add_argument("--timeout", type=float, default=0, help="seconds of one run; over is bad")
    parser.add_argument(
        "command", nargs="+", help="after --; exits 0 where it works; one text is for the shell"
    )
    arguments = parser.parse_args()
    if not arguments.good and not arguments.confirm:
        parser.error("say --good COMMIT, or --confirm COMMIT")
    repository = Path.cwd()
    tree = Path(tempfile.mkdtemp(prefix="bisect-")) / "tree"
    try:
        arguments.bad = git(repository, "rev-parse", "--short", arguments.bad)
        git(repository, "worktree", "add", "--quiet", "--detach", str(tree), arguments.bad)
        return work(arguments, tree)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(tree.parent, ignore_errors=True)
        subprocess.run(["git", "worktree", "prune"], cwd=repository, check=False)


if __name__ == "__main__":
    sys.exit(main())
