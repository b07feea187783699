"""Finds the mistakes in a Dockerfile that cost the most: root, secrets, pins, caching, signals."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SECRET = re.compile(r"(?i)(?:passw|secret|token|api_?key|private_?key|credential)")
_KEY_FILE = re.compile(
    r"(?i)(?:^|/)(?:\.env(?:\.\w+)?|id_(?:rsa|ed25519)|.*\.(?:pem|key|p12)|\.netrc)$"
)
_INSTALLS = re.compile(
    r"\b(?:pip3? install|poetry install|uv sync|npm (?:ci|install)|yarn install|pnpm install"
    r"|bundle install|go mod download|composer install|cargo (?:build|fetch)|mvn |gradle )"
)
_PIPED = re.compile(r"\b(?:curl|wget)\b[^|;&]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")


@dataclass(frozen=True)
class Line:
    """One instruction with its continuation lines joined. `number` is its first line's."""

    number: int
    word: str
    rest: str


Stage = list[Line]
Finding = tuple[int, str, str]
"""Line, ERROR or warn, and the words."""


def instructions(text: str) -> list[Line]:
    """The instructions of a Dockerfile; here-documents count as part of theirs."""
    found = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        start, whole = at, lines[at].strip()
        at += 1
        if not whole or whole.startswith("#"):
            continue
        while whole.endswith("\\") and at < len(lines):
            piece = lines[at].strip()
            whole = whole[:-1] + ("\\" if piece.startswith("#") else " " + piece)
            at += 1
        here = re.search(r"<<-?[\"']?(\w+)", whole)
        while here and at < len(lines):
            ended = lines[at].strip() == here[1]
            whole += "\n" + lines[at]
            at += 1
            if ended:
                break
        word, _, rest = whole.partition(" ")
        found.append(Line(start + 1, word.upper(), rest.strip()))
    return found


def stages_of(found: list[Line]) -> list[Stage]:
    stages: list[Stage] = []
    for line in found:
        if line.word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(line)
    return stages


def bases(stages: list[Stage]) -> Iterator[Finding]:
    names: set[str] = set()
    for stage in stages:
        words = [word for word in stage[0].rest.split() if not word.startswith("--")]
        image = words[0] if words else ""
        tag = image.rsplit("/", 1)[-1].partition(":")[2]
        if image.lower() not in names | {"scratch"} and "@" not in image and "$" not in image:
            if not tag or tag == "latest":
                yield stage[0].number, "ERROR", f"base image {image} is not pinned to a version"
        if len(words) == 3 and words[1].upper() == "AS":
            names.add(words[2].lower())


def user(stages: list[Stage]) -> Iterator[Finding]:
    last = stages[-1]
    users = [line for line in last if line.word == "USER"]
    if not users:
        yield last[0].number, "ERROR", "the last stage has no USER: the program runs as root"
    elif users[-1].rest.split(":")[0] in ("root", "0"):
        yield users[-1].number, "ERROR", "the last USER is root"


def secrets(stages: list[Stage]) -> Iterator[Finding]:
    for line in (line for stage in stages for line in stage):
        if line.word in ("ENV", "ARG"):
            for name, value in re.findall(r"([\w.-]+)(?:=|\s+)(\S*)", line.rest):
                if _SECRET.search(name) and value.strip("\"'") and not value.startswith("$"):
                    yield line.number, "ERROR", f"{line.word} {name} puts a secret into the image"
                    break
        if line.word in ("COPY", "ADD"):
            for name in (word for word in line.rest.split()[:-1] if _KEY_FILE.search(word)):
                yield line.number, "ERROR", f"{name} becomes part of a layer, also if deleted later"


def fetching(stages: list[Stage]) -> Iterator[Finding]:
    for line in (line for stage in stages for line in stage):
        if line.word == "ADD" and "://" in line.rest and "--checksum" not in line.rest:
            yield line.number, "ERROR", "ADD of a URL without --checksum: nobody knows what comes"
        if line.word == "RUN" and _PIPED.search(line.rest):
            yield line.number, "ERROR", "a download is piped into a shell unseen"


def packages(stages: list[Stage]) -> Iterator[Finding]:
    for line in (line for stage in stages for line in stage if line.word == "RUN"):
        text = line.rest
        installs = re.search(r"apt(?:-get)?\s+(?:-\S+\s+)*install", text)
        if re.search(r"apt(?:-get)?\s+update", text) and not installs:
            yield line.number, "ERROR", "apt-get update alone: its layer is old when install runs"
        if installs and not re.search(r"\s(?:-\w*y\w*|--yes|--assume-yes)\b", text):
            yield line.number, "ERROR", "apt-get install without -y stops and asks"
        cached = "--mount=type=cache" in text
        if installs and "/var/lib/apt/lists" not in text and not cached:
            yield (
                line.number,
                "warn",
                "package lists stay in the layer: rm -rf /var/lib/apt/lists/*",
            )
        if installs and "--no-install-recommends" not in text:
            yield line.number, "warn", "installs recommended packages too: --no-install-recommends"
        if re.search(r"\bpip3? install\b", text) and "--no-cache-dir" not in text and not cached:
            yield line.number, "warn", "pip keeps its cache in the layer: --no-cache-dir"
        if re.search(r"\bchmod\s+(?:-R\s+)?0?777\b", text):
            yield line.number, "warn", "chmod 777: everybody may change the program"
        if re.search(r"\bsudo\s", text):
            yield (
                line.number,
                "warn",
                "sudo in a build: it is root already, or USER stands too early",
            )


def order(stages: list[Stage]) -> Iterator[Finding]:
    for stage in stages:
        whole = None
        for line in stage:
            parts = [word for word in line.rest.split() if not word.startswith("--")]
            if (
                line.word in ("COPY", "ADD")
                and parts[:1] in (["."], ["./"])
                and "--from" not in line.rest
            ):
                whole = whole or line
            if whole and line.word == "RUN" and _INSTALLS.search(line.rest):
                words = "every change of the source installs the dependencies again"
                yield whole.number, "warn", f"COPY of everything before line {line.number}: {words}"
                break


def starting(stages: list[Stage]) -> Iterator[Finding]:
    last = stages[-1]
    for word in ("CMD", "ENTRYPOINT"):
        found = [line for line in last if line.word == word]
        for line in found:
            if not line.rest.startswith("["):
                yield (
                    line.number,
                    "warn",
                    f'{word} as a shell line: stop signals do not arrive; use ["…"]',
                )
        for line in found[:-1]:
            yield line.number, "warn", f"a later {word} replaces this one"
    for line in (line for stage in stages for line in stage if line.word == "WORKDIR"):
        if not re.match(r"[\"']?(?:[/$]|[A-Za-z]:)", line.rest):
            yield line.number, "warn", f"WORKDIR {line.rest} is relative to whatever came before"


RULES: tuple[Callable[[list[Stage]], Iterator[Finding]], ...] = (
    bases, user, secrets, fetching, packages, order, starting,
)  # fmt: skip


def context(folder: Path, stages: list[Stage]) -> Iterator[Finding]:
    """What .dockerignore lets into an image that copies everything."""
    pattern = re.compile(r"(?:--\S+\s+)*\./?\s")
    copies = [line for stage in stages for line in stage if line.word in ("COPY", "ADD")]
    line = next(
        (one for one in copies if pattern.match(one.rest) and "--from" not in one.rest), None
    )
    if line is None:
        return
    file = folder / ".dockerignore"
    ignored = file.read_text(encoding="utf-8").split() if file.is_file() else []
    if not ignored:
        yield line.number, "warn", "copies everything and there is no .dockerignore"
    for name in (".git", ".env"):
        if (folder / name).exists() and not {name, f"**/{name}", "*", f"{name}*"} & set(ignored):
            yield line.number, "ERROR", f"{name} is copied into the image: add it to .dockerignore"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the Dockerfile")
    parser.add_argument("--context", type=Path, help="folder of the build; default: the file's")
    parser.add_argument("--strict", action="store_true", help="exit 1 also on warnings")
    options = parser.parse_args()
    try:
        stages = stages_of(instructions(options.file.read_text(encoding="utf-8")))
        if not stages:
            raise ValueError("there is no FROM")
        findings = [finding for rule in RULES for finding in rule(stages)]
        findings += context(options.context or options.file.parent, stages)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot read {options.file}: {error}\n")
        return 2
    for number, level, words in sorted(findings):
        sys.stdout.write(f"{level} line {number}: {words}\n")
    errors = sum(level == "ERROR" for _, level, _ in findings)
    sys.stdout.write(f"{len(stages)} stages, {errors} errors, {len(findings) - errors} warnings\n")
    return int(bool(errors or (options.strict and findings)))


if __name__ == "__main__":
    sys.exit(main())
