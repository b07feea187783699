"""git's command on one repository, without the settings, hooks or keys of the user."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

from hermes_home.commits import BRANCH, LOG_FORMAT, Commit, parse_log
from hermes_home.errors import HermesError
from hermes_home.files import PREFIX, put, scratch_path, sync_folder
from hermes_home.rewriting import Keep, Said, rewritten
from hermes_home.tracked import FILES, FOLDERS, State

_TIMEOUT = 120.0
_MARK = "[hermes]\n\thome = 1\n"
_CONFIG = f"""\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[gc]
\tauto = 2000
{_MARK}"""
_EXCLUDE = "/*\n" + "".join(f"!/{name}\n" for name in (*FOLDERS, *FILES))
_LAYOUT = {"HEAD": f"ref: {BRANCH}\n", "config": _CONFIG, "info/exclude": _EXCLUDE}
_PLACES = ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info")
_ALWAYS = (
    *("--literal-pathspecs", "--no-pager", "-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsync=all", "-c", "core.fsmonitor=false", "-c", "gc.autoDetach=false"),
    # A name that another system cannot store is not a reason to lose a commit on this one.
    *("-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"),
)


class Repository:
    """One repository and its work tree. Every method raises HermesError if git fails."""

    def __init__(self, program: str, folder: Path, work_tree: Path) -> None:
        self.folder = folder
        self._program = program
        self._work_tree = work_tree
        self._environment = {
            "PATH": os.pathsep.join((str(Path(program).parent), os.defpath)),
            "LC_ALL": "C",
            "HOME": os.devnull,
            "XDG_CONFIG_HOME": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            # Relative, so that nothing is made anew where a home that went away was.
            "GIT_DIR": os.path.relpath(folder, work_tree),
            "GIT_WORK_TREE": ".",
        }

    async def run(self, *arguments: str, data: bytes = b"") -> bytes:
        """What git prints when it is given `data`."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *_ALWAYS,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._work_tree,
                env=self._environment,
                start_new_session=True,  # Ctrl-C at a terminal does not end a commit half way
            )
        except OSError as error:
            raise HermesError(f"git could not be started: {error.strerror}") from error
        return await _finish(process, arguments[0], data)

    async def has_commits(self) -> bool:
        if await self.run("for-each-ref", BRANCH):
            return True
        if (self.folder / BRANCH).exists():  # git passes over a branch it cannot read
            raise HermesError(
                f"{self.folder} is damaged: its branch names no commit",
                "move it away; a new history begins at the next start",
            )
        return False

    async def tree(self) -> dict[str, State]:
        """The files of the newest commit by path; empty if there is none."""
        if not await self.has_commits():
            return {}
        listing = os.fsdecode(await self.run("ls-tree", "-r", "-z", "--full-tree", BRANCH))
        found = {}
        for line in listing.split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, _, blob = about.split(" ")
            found[path] = (mode, blob)
        return found

    async def commit(self, stream: bytes) -> None:
        """Add commits as `commit_text` writes them: all of them, or none if this raises."""
        await self.run("fast-import", "--quiet", "--done", data=stream + b"done\n")
        # Only for the owner, who may look at the home with git by hand; the next commit is not
        # built on the index.
        with contextlib.suppress(HermesError):
            await self.run("read-tree", BRANCH)

    async def bundle(self, path: Path) -> bool:
        """Everything committed as one file; False if there is nothing yet."""
        if not await self.has_commits():
            return False
        await self.run("bundle", "create", "--quiet", str(path), BRANCH)
        return True

    async def take_bundle(self, path: Path) -> None:
        """The commits of a bundle in the place of ours."""
        refs = f"+{BRANCH}:{BRANCH}"
        await self.run("fetch", "--quiet", "--update-head-ok", "--no-tags", str(path), refs)
        await self.run("read-tree", BRANCH)

    async def rewrite(self, keep: Keep, said: Said) -> bool:
        """Make every commit anew without what `keep` and `said` take away, and remove what is left
        of the old ones; whether there was anything to take. May be repeated after a crash."""
        if not await self.has_commits():
            return False
        old = await self.run("fast-export", "--use-done-feature", "--signed-tags=strip", BRANCH)
        new = rewritten(old, keep, said)
        if new != old:
            await self.run("fast-import", "--quiet", "--force", "--done", data=new)
            await self.run("read-tree", BRANCH)
        await self.run("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
        await self.run("-c", "gc.cruftPacks=false", "gc", "--quiet", "--prune=now")
        return new != old

    async def tidy(self) -> None:
        await self.run("gc", "--auto", "--quiet")

    async def log(self, path: str, limit: int) -> list[Commit]:
        """Newest first; those that touch `path` or a file below it, if it is given."""
        if not await self.has_commits():
            return []
        output = await self.run(
            *("log", "-z", "--name-only", "--no-renames", "--root", f"--max-count={limit}"),
            *(f"--format={LOG_FORMAT}", BRANCH, "--", *([path] if path else [])),
        )
        return parse_log(os.fsdecode(output))


def open_repository(program: str, root: Path, fallback: Path) -> Repository:
    """The history of the home at `root`: its .git if we made that or nobody did, else `fallback`.

    Nobody else may be using it: locks that a killed git left are removed. OSError.
    """
    for folder in (root / ".git", fallback):
        if _is_ours(folder):
            _remove_stale(folder)
            return Repository(program, folder, root)
    folder = fallback if os.path.lexists(root / ".git") else root / ".git"
    _make(folder)
    return Repository(program, folder, root)


def _is_ours(folder: Path) -> bool:
    try:
        return _MARK in (folder / "config").read_text(errors="replace")
    except OSError:
        return False


def _make(folder: Path) -> None:
    """An empty repository: whole, or not there (gitrepository-layout(5))."""
    for left in folder.parent.glob(f"{PREFIX}*.git"):
        shutil.rmtree(left)
    half = scratch_path(folder, ".git")
    for name in _PLACES:
        (half / name).mkdir(parents=True, mode=0o700)
    for name, text in _LAYOUT.items():
        put(half / name, text.encode())
    half.chmod(0o700)
    half.rename(folder)
    sync_folder(folder.parent)


def _remove_stale(folder: Path) -> None:
    locks = [*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")]
    for path in (*locks, *folder.glob("fast_import_crash_*")):
        path.unlink()


async def _finish(process: asyncio.subprocess.Process, command: str, data: bytes) -> bytes:
    try:
        async with asyncio.timeout(_TIMEOUT):
            output, errors = await process.communicate(data)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise HermesError(f"git {command} took longer than {_TIMEOUT:.0f} s") from None
    if process.returncode:
        said = errors.decode(errors="replace").strip().partition("\n")[0]
        raise HermesError(f"git {command} failed: {said or f'exit {process.returncode}'}")
    return output
