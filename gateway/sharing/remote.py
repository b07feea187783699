"""git's command on somebody else's repository: without the settings, hooks and keys of the user,
bounded in time and size, to an address that was checked.

Nothing is ever checked out: commits are fetched into an empty repository and their files read.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.sharing.ways import Ways
from hermes_home.errors import FetchError, HermesError, UnavailableError

SECONDS = 120.0
LARGEST_FILE = 1 << 21
"""Blocks of 512 bytes, as `ulimit -f` of sh counts, of any file git may write; a pack is one."""
MOST_OUTPUT = 64 * 1024 * 1024
PROTOCOLS = ("https", "http", "file", "ssh")

_OLD_FAULTS = ("zeroPaddedFilemode", "missingSpaceBeforeDate", "badTimezone", "missingEmail")
"""What old programs wrote into commits; it harms nobody."""
_ALWAYS = (
    *(word for fault in _OLD_FAULTS for word in ("-c", f"fetch.fsck.{fault}=ignore")),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"),
    *("-c", "fetch.fsckObjects=true", "-c", "http.followRedirects=false"),
    *(
        "-c",
        "credential.helper=",
        "-c",
        "submodule.recurse=false",
        "-c",
        "advice.detachedHead=false",
    ),
)
_REF = re.compile(r"(?!.*(?:\.\.|@\{|//))[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}(?<![./])")
_SCP = re.compile(r"(?P<user>[\w.-]+@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:].*)")
_UNREAD = "Could not read from remote repository"
_BRANCHES = ("refs/heads/main", "refs/heads/master")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit. kind: blob, or what else git keeps (a link is a blob of mode 120000)."""

    mode: str
    kind: str
    id: str
    size: int


class Remote:
    """An empty repository beside which `url` is. Every method raises HermesError if git fails."""

    def __init__(self, folder: Path, url: str, environment: Mapping[str, str]) -> None:
        self.url = url
        self._folder = folder
        self._environment = environment

    async def run(
        self, *arguments: str, data: bytes = b"", more: Mapping[str, str] | None = None
    ) -> bytes:
        """What git prints when it is given `data`. more: of the environment."""
        limited = ("/bin/sh", "-c", f'ulimit -f {LARGEST_FILE}; exec "$0" "$@"')
        try:
            process = await asyncio.create_subprocess_exec(
                *limited,
                _program(),
                *_ALWAYS,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._folder,
                env={**self._environment, **(more or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise HermesError(f"git could not be started: {error.strerror}") from error
        return await _finish(process, self.url, arguments[0], data)

    async def fetch(self, ref: str) -> str:
        """Fetch a branch, a tag or a commit; "" is what the repository shows first. Its commit."""
        wanted = ref or "HEAD"
        try:
            await self._fetch(wanted)
        except FetchError as error:
            if ref or "find remote ref" not in error.message:
                raise
            await self._fetch(await self.branch())
        return (await self.run("rev-parse", "--verify", "FETCH_HEAD^{commit}")).decode().strip()

    async def _fetch(self, ref: str) -> None:
        options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--force")
        await self.run("fetch", *options, "--", self.url, ref)

    async def branch(self) -> str:
        """The branch that a repository shows first; main if it is empty."""
        return (await self.branches())[0]

    async def branches(self) -> tuple[str, list[str]]:
        """That, and every branch there is, as `refs/heads/NAME`."""
        told = (await self.run("ls-remote", "--symref", "--", self.url)).decode(errors="replace")
        lines = [line.split("\t") for line in told.splitlines() if "\t" in line]
        heads = [name for id, name in lines if name.startswith("refs/heads/")]
        first = [
            id.removeprefix("ref: ")
            for id, name in lines
            if name == "HEAD" and id.startswith("ref: ")
        ]
        known = [*first, *_BRANCHES, *heads]
        return next((name for name in known if name in heads), _BRANCHES[0]), heads

    def unborn(self) -> str:
        """The branch that an empty repository on this machine will show first; "" = not known."""
        place = Path(self.url.removeprefix("file://"))
        for head in (place / "HEAD", place / ".git" / "HEAD"):
            if self.url.startswith("file:///") and head.is_file():
                return head.read_text("utf-8", "replace").removeprefix("ref: ").strip()
        return ""

    async def tree(self, commit: str) -> dict[str, Blob]:
        """Every file of a commit by its path."""
        listing = await self.run("ls-tree", "-r", "-z", "--long", "--full-tree", commit)
        found = {}
        for line in os.fsdecode(listing).split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, kind, id, size = about.split()
            found[path] = Blob(mode, kind, id, int(size) if size.isdigit() else 0)
        return found

    async def blobs(self, ids: list[str]) -> list[bytes]:
        """What these blobs hold, in their order."""
        asked = "".join(f"{id}\n" for id in ids).encode()
        return list(_parsed(await self.run("cat-file", "--batch", data=asked), len(ids)))


def _parsed(output: bytes, count: int) -> Iterator[bytes]:
    at = 0
    for _ in range(count):
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[2])
        yield output[end + 1 : end + 1 + size]
        at = end + size + 2


async def open_remote(ways: Ways, url: str) -> Remote:
    """An empty repository in the scratch folder from which `url` can be reached. FetchError,
    FetchRefused for an address that must not be."""
    protocol, host = _reached(url)
    settings = await _pinned(ways, url, protocol, host)
    settings += authorisation(url, ways.secret("GITHUB_TOKEN"))
    remote = Remote(ways.folder, url, _environment(protocol, settings))
    await remote.run("init", "--quiet", "--bare", ".")
    return remote


def check_ref(ref: str) -> str:
    """The ref; FetchError if git could take it for anything else."""
    if ref and not _REF.fullmatch(ref):
        raise FetchError(f"{ref[:80]!r} cannot be a branch, a tag or a commit")
    return ref


def _reached(url: str) -> tuple[str, str]:
    """By which protocol, and at which host ("" = this machine)."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        match = _SCP.fullmatch(url)
        if match is None:
            raise FetchError(f"{url[:200]!r} is no address of a repository")
        return "ssh", match["host"]
    if scheme not in PROTOCOLS:
        raise FetchError(f"git is not asked by {scheme}://", f"it is by {', '.join(PROTOCOLS)}")
    host = urlsplit(url).hostname or ""
    if (not host) != (scheme == "file") or host.startswith("-"):
        raise FetchError(f"{url[:200]!r} is no address of a repository")
    return scheme, host


async def _pinned(ways: Ways, url: str, protocol: str, host: str) -> list[tuple[str, str]]:
    """Settings by which git connects where was looked, and nowhere else. With ssh it is the
    server's known key that keeps it from another."""
    if protocol == "file":
        return []
    if protocol == "ssh":
        await ways.addresses(f"https://{host}/")
        return []
    name, port, addresses = await ways.addresses(url)
    if ways.proxy:
        return [("http.proxy", ways.proxy)]
    numbers = ",".join(f"[{one}]" if ":" in one else one for one in addresses)
    return [("http.curloptResolve", f"{name}:{port}:{numbers}")]


def authorisation(url: str, token: str) -> list[tuple[str, str]]:
    """GitHub's token goes to GitHub and to nobody else."""
    if not token or not url.startswith("https://github.com/"):
        return []
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return [("http.https://github.com/.extraHeader", f"Authorization: Basic {basic}")]


def _environment(protocol: str, settings: list[tuple[str, str]]) -> dict[str, str]:
    """What git is given: settings by the environment, since others can read a command line."""
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_DIR": ".",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for name in ("SSH_AUTH_SOCK", "SSL_CERT_FILE"):
        if value := os.environ.get(name):
            found[name] = value
    for number, (key, value) in enumerate(settings):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _program() -> str:
    program = shutil.which("git")
    if program is None:
        raise UnavailableError("git is not installed", "install git, or name a folder or archive")
    return program


async def _finish(
    process: asyncio.subprocess.Process, url: str, command: str, data: bytes
) -> bytes:
    assert process.stdout is not None  # both are pipes
    assert process.stderr is not None
    tasks = (
        asyncio.create_task(_bounded(process.stdout)),
        asyncio.create_task(_bounded(process.stderr)),
        asyncio.create_task(_feed(process, data)),
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, errors, _ = await asyncio.gather(*tasks)
            code = await process.wait()
    except TimeoutError:
        raise FetchError(f"{url}: git {command} took longer than {SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await asyncio.gather(*tasks, return_exceptions=True)
    told = errors.decode(errors="replace").strip()
    if code:
        said = _reason(told) or f"exit {code}"
        raise FetchError(f"{url}: git {command} failed: {said}", _advice(told))
    return output


def _reason(told: str) -> str:
    """The line in which git says why. Where it is `Could not read from remote`, ssh or the other
    side has said why before it."""
    lines = [line.strip() for line in told.splitlines() if not line.startswith("hint:")]
    why = lines[: next((at for at, line in enumerate(lines) if _UNREAD in line), None)] or lines
    rejected = [line for line in why if "rejected" in line]
    fatal = [line for line in why if line.startswith("fatal:")]
    telling = rejected[-1:] or fatal[:1] or why[-1:]
    return telling[0][:300] if telling else ""


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None  # it is a pipe
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _bounded(stream: asyncio.StreamReader) -> bytes:
    pieces, room = [], MOST_OUTPUT
    while piece := await stream.read(1 << 16):
        room -= len(piece)
        if room < 0:
            raise FetchError(f"the repository holds more than {MOST_OUTPUT >> 20} MiB of that")
        pieces.append(piece)
    return b"".join(pieces)


def _advice(told: str) -> str:
    if "could not read Username" in told or "Authentication failed" in told:
        return "put GITHUB_TOKEN=… into .env, or use an ssh address"
    if "Host key verification failed" in told:
        return "connect to that host once by ssh, so that its key is known"
    if "rejected" in told:
        return "somebody else has pushed, or the branch is protected; --branch names another"
    if "redirect" in told or "returned error: 30" in told:
        return "the repository has moved; use its new address"
    return "check the address and the branch or tag"
