"""A commit on a branch of a repository: GitHub's, or any other that git can push to."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gateway.sharing import quarantine
from gateway.sharing.publishers.base import Publication
from gateway.sharing.remote import Blob, Remote, check_ref, open_remote
from gateway.sharing.sources.git import Place, meant
from gateway.sharing.ways import ways
from hermes_home.commits import BRANCH, commit_text
from hermes_home.errors import ToolError, UsageError
from hermes_home.tracked import Content
from skills.sharing.layout import skill_folders
from skills.sharing.package import Files

if TYPE_CHECKING:
    from gateway.app import App

Changes = dict[str, Content | None]


async def publish(app: App, wanted: Publication) -> dict[str, Any]:
    """Commit the skill on top of the branch and push just that commit; the push is not forced."""
    place = meant(wanted.repository)
    if place is None or place.path or place.ref:
        raise UsageError("a repository is needed", "--repo OWNER/REPO, or a git address or path")
    with quarantine.scratch(app.home) as folder:
        remote = await open_remote(ways(app, folder, private=wanted.private), place.url)
        return await _published(remote, place, wanted)


async def _published(remote: Remote, place: Place, wanted: Publication) -> dict[str, Any]:
    first, heads = await remote.branches()
    if not heads and not wanted.branch:
        first = await asyncio.to_thread(remote.unborn)
    if not first.startswith("refs/heads/"):
        raise UsageError(f"{place.url} is empty", "--branch names the branch it is to have")
    branch = f"refs/heads/{check_ref(wanted.branch)}" if wanted.branch else first
    parent = await remote.fetch(branch) if branch in heads else ""
    tree = await remote.tree(parent) if parent else {}
    folder = _folder(tree, wanted.skill.name)
    changes = _changes(tree, folder, wanted.files)
    told: dict[str, Any] = {
        "repository": place.url,
        "branch": branch.removeprefix("refs/heads/"),
        "parent": parent,
        "path": folder,
        "changes": {path: _verb(tree, path, one) for path, one in sorted(_told(changes, tree))},
        "address": _shown(place, branch, first).named(folder),
        "done": False,
    }
    if not told["changes"]:
        return {**told, "commit": parent, "at": 0, "command": ""}
    at = wanted.at or int(time.time())
    commit = await _commit(remote, parent, changes, f"Publish the skill {wanted.skill.name}", at)
    told |= {"commit": commit, "at": at, "command": f"git push {place.url} {commit}:{branch}"}
    if wanted.commit not in ("", commit):
        raise ToolError(
            "the repository or the skill has changed since this was shown",
            "Look at it again, and publish it then.",
        )
    if wanted.do:
        await remote.run("push", "--quiet", "--", place.url, f"{commit}:{branch}")
    return {**told, "done": wanted.do}


def _shown(place: Place, branch: str, first: str) -> Place:
    """The repository as it is asked for: a branch it does not show first has to be named."""
    return place if branch == first else replace(place, ref=branch.removeprefix("refs/heads/"))


def _folder(tree: dict[str, Blob], name: str) -> str:
    """Where a skill of this name lies in the repository, else where it is to lie."""
    there = [folder for folder in skill_folders(tree) if PurePosixPath(folder).name == name]
    return there[0] if there else f"skills/{name}"


def _changes(tree: dict[str, Blob], folder: str, files: Files) -> Changes:
    """Every file below the folder: as it is to be, or gone."""
    found: Changes = {path: None for path in tree if path.startswith(f"{folder}/")}
    for path, file in files.items():
        mode = "100755" if file.runs else "100644"
        found[f"{folder}/{path}"] = Content(mode, file.data)
    return found


def _told(changes: Changes, tree: dict[str, Blob]) -> list[tuple[str, Content | None]]:
    """Those that differ from what is there."""
    return [(path, one) for path, one in changes.items() if not _same(tree.get(path), one)]


def _same(blob: Blob | None, content: Content | None) -> bool:
    if blob is None or content is None:
        return blob is None and content is None
    return (blob.mode, blob.id) == content.state


def _verb(tree: dict[str, Blob], path: str, content: Content | None) -> str:
    if content is None:
        return "removed"
    return "changed" if path in tree else "added"


async def _commit(remote: Remote, parent: str, changes: Changes, subject: str, at: int) -> str:
    """The same at the same second: what is shown is what is pushed."""
    if parent:
        await remote.run("update-ref", BRANCH, parent)
    moment = datetime.fromtimestamp(at, UTC)
    text = commit_text(f"{subject}\n", moment, changes, follows=bool(parent))
    await remote.run("fast-import", "--quiet", "--done", data=text + b"done\n")
    return (await remote.run("rev-parse", BRANCH)).decode().strip()
