"""GitHub's `owner/repo[/path][@ref]`, and any other repository: `ADDRESS[#path][@ref]`."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from gateway.sharing.remote import PROTOCOLS, Blob, Remote, check_ref, open_remote
from gateway.sharing.sources.base import Fetched
from gateway.sharing.sources.folder import is_bare
from gateway.sharing.ways import Ways
from hermes_home.errors import SkillError
from hermes_home.tracked import LARGEST
from skills.sharing.layout import Offer, offer, skill_folders, within
from skills.sharing.package import MOST_BYTES, MOST_FILES, File, belongs, packaged

GITHUB = "https://github.com"
_SHORT = re.compile(
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,38})/(?P<repo>(?!\.)[A-Za-z0-9._-]{1,100})(?P<path>(?:/[^@#]+)?)"
    r"(?:@(?P<ref>.+))?"
)
_PAGE = re.compile(
    r"https://github\.com/(?P<owner>[^/]+)/(?P<repo>[^/#@]+?)(?:\.git)?"
    r"(?:/(?:tree|blob)/(?P<ref>[^/]+)(?P<path>(?:/.*)?))?/?"
)
_SCP = re.compile(r"[\w.-]+@[A-Za-z0-9][\w.-]*:[^:]")


@dataclass(frozen=True, slots=True)
class Place:
    """url: for git. short: what a person calls it, where that is another address. path: a folder of
    the repository, "" = all of it. ref: a branch, a tag or a commit, "" = what it shows first."""

    url: str
    path: str = ""
    ref: str = ""
    short: str = ""

    def named(self, path: str) -> str:
        """The address of a folder in it."""
        base = self.short or self.url
        if path:
            base += f"#{path}" if ":" in base else f"/{path}"
        return f"{base}@{self.ref}" if self.ref else base


class Git:
    def __init__(self, ways: Ways, place: Place) -> None:
        self._ways = ways
        self._place = place
        self._remote: Remote | None = None
        self._commit = ""
        self._tree: dict[str, Blob] = {}

    async def offers(self) -> list[Offer]:
        self._remote = await open_remote(self._ways, self._place.url)
        self._commit = await self._remote.fetch(check_ref(self._place.ref))
        self._tree = await self._remote.tree(self._commit)
        found = self._below(self._place.path) or self._below("")
        texts = await self._remote.blobs([self._tree[file].id for file in found.values()])
        fallback = self._place.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        offers = await asyncio.to_thread(
            lambda: [
                offer(text, folder, fallback) for folder, text in zip(found, texts, strict=True)
            ]
        )
        return within(offers, self._place.path)

    def _below(self, place: str) -> dict[str, str]:
        """The SKILL.md of every skill at or below a path, by its folder."""
        start = f"{place}/" if place else ""
        inner = [path[len(start) :] for path in self._tree if path.startswith(start)]
        return {
            "/".join(filter(None, (place, folder))): start + file
            for folder, file in skill_folders(inner).items()
            if self._tree[start + file].size <= LARGEST
        }

    def address(self, offer: Offer) -> str:
        return self._place.named(offer.path)

    async def fetch(self, offer: Offer) -> Fetched:
        assert self._remote is not None  # the offer came from there
        start = f"{offer.path}/" if offer.path else ""
        inside = {
            path[len(start) :]: blob
            for path, blob in self._tree.items()
            if path.startswith(start) and belongs(path[len(start) :])
        }
        _check(inside)
        texts = await self._remote.blobs([blob.id for blob in inside.values()])
        runs = [blob.mode == "100755" for blob in inside.values()]
        files = packaged(zip(inside, map(File, texts, runs), strict=True))
        name = offer.path.rpartition("/")[2] or self._place.url.rpartition("/")[2]
        folder = name.removesuffix(".git")
        return Fetched(files, "git", self.address(offer), folder, commit=self._commit)


def _check(files: dict[str, Blob]) -> None:
    """Before anything is read: only plain files, and not too much of them."""
    for path, blob in files.items():
        if blob.kind != "blob" or blob.mode == "120000":
            raise SkillError(f"{path} is a link, and could lead anywhere")
    if len(files) > MOST_FILES or sum(blob.size for blob in files.values()) > MOST_BYTES:
        limits = f"{MOST_FILES} files or {MOST_BYTES >> 20} MiB"
        raise SkillError(f"it holds more than {limits}", "name a skill inside it")


def opened(address: str, ways: Ways) -> Git | None:
    place = meant(address)
    return Git(ways, place) if place else None


def meant(address: str) -> Place | None:
    """The repository an address means; None if it means none."""
    if match := _PAGE.fullmatch(address.partition("#")[0]):
        if "#" not in address:
            return _github(match["owner"], match["repo"], match["path"] or "", match["ref"] or "")
    if match := _SHORT.fullmatch(address):
        return _github(match["owner"], match["repo"], match["path"], match["ref"] or "")
    return _elsewhere(address)


def _github(owner: str, repo: str, path: str, ref: str) -> Place:
    repo = repo.removesuffix(".git")
    path = path.strip("/").removesuffix("SKILL.md").strip("/")
    return Place(f"{GITHUB}/{owner}/{repo}.git", path, ref, f"{owner}/{repo}")


def _elsewhere(address: str) -> Place | None:
    forced = address.startswith("git+")
    url, path, ref = _parted(address.removeprefix("git+"))
    if url.startswith("/"):
        return Place(f"file://{url}", path, ref) if is_bare(Path(url)) else None
    scheme = url.partition("://")[0] if "://" in url else ""
    web = scheme in ("http", "https")
    if _SCP.match(url) or (scheme in PROTOCOLS and (not web or forced or url.endswith(".git"))):
        return Place(url, path, ref, f"git+{url}" if forced else "")
    return None


def _parted(address: str) -> tuple[str, str, str]:
    """`ADDRESS[#path][@ref]`; an @ before the last / or : is part of the address."""
    url, _, path = address.partition("#")
    if path:
        path, _, ref = path.partition("@")
        return url, path.strip("/"), ref
    end = max(url.rfind("/"), url.rfind(":"))
    at = url.find("@", end + 1)
    return (url[:at], "", url[at + 1 :]) if at > 0 else (url, "", "")
