"""Which commands are checks of the work, whose exit status says whether it is right.

Three sorts: a test, build or lint command, known by its program; the commands under the heading
Verification of a skill that the run loaded; any command that failed and later passed unchanged.
Of each check its last result counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from agent.procedures import INTERPRETERS, Part, carries_out_part, parts

_ALWAYS = frozenset(
    "pytest py.test unittest tox nox nosetests ctest jest vitest mocha ava rspec phpunit pest"
    " mypy pyright pylint flake8 eslint stylelint tsc shellcheck hadolint yamllint markdownlint"
    " htmlhint golangci-lint staticcheck clippy-driver swiftlint rubocop ansible-lint actionlint"
    " py_compile compileall doctest ninja bats promtool".split()
)
_WORDS = re.compile(
    r"(test|check|lint|build|verify|validate|vet|clippy|analyze|compile|spec|typecheck|ci|all)"
    r"([:_-][\w:.-]+)?"
)
_WITH_WORD = {
    **dict.fromkeys(("make", "just", "task", "rake", "mix", "gradle", "gradlew", "mvn", "mvnw"), 9),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun", "deno", "cargo", "go", "dotnet", "swift"), 2),
    **dict.fromkeys(("bazel", "sbt", "meson", "zig", "terraform", "helm", "docker", "ruff"), 2),
    **dict.fromkeys(("nginx", "apachectl", "cmake", "buf", "flutter", "dart", "pre-commit"), 2),
}
"""Programs that check when a word as in _WORDS is among their first arguments; how many of these
are looked at."""
_WITH_FLAG = {
    "black": "--check",
    "isort": "--check",
    "prettier": "--check",
    "node": "--check",
    "git": "--check",
    "bash": "-n",
    "sh": "-n",
    "nginx": "-t",
    "cmake": "--build",
    "visudo": "-c",
    "sha256sum": "-c",
    "md5sum": "-c",
    "pre-commit": "run",
    "systemd-analyze": "verify",
}


_FIRST = frozenset(("test", "tests", "check", "lint", "verify", "validate"))
"""As the first argument of any program they make it a check, but for those that only print or
look for their arguments."""
_TALKERS = frozenset(
    "echo printf grep rg find ls cat cd mkdir touch rm mv cp test man which".split()
)
_SAYS_SO = re.compile(r"(^|[-_.])(tests?|check|lint|verify|validate)($|[-_.])", re.IGNORECASE)


def checks_in(command: str, verification: Iterable[str] = ()) -> list[str]:
    """The checks whose result this command's exit status is, each by a name that is the same for
    another run of the same check: the program of a known one, however it was called; a skill's
    own as it was written, with its values. `verification`: commands of the loaded skills."""
    own = list(verification)
    return [
        name for part in parts(command) if part.decides and (name := _name(part, own)) is not None
    ]


def checks_hidden_in(command: str, verification: Iterable[str] = ()) -> list[str]:
    """The checks that a command runs without its exit status telling their result, such as
    `pytest | tail`, named as by `checks_in`."""
    own = list(verification)
    return [
        name
        for part in parts(command)
        if not part.decides and (name := _name(part, own)) is not None
    ]


def _name(part: Part, verification: list[str]) -> str | None:
    if _known(part):
        return part.program
    script = _script(part)
    if _known(script):
        return script.program
    own = any(carries_out_part(named, part, share=1.0) for named in verification)
    return " ".join(part.words) if own else None


def _known(part: Part) -> bool:
    if part.program == "test":  # the one of the shell, which is mostly asked out of curiosity
        return False
    if part.program in _ALWAYS or _SAYS_SO.search(_stem(part.program)):
        return True
    if part.program in _WITH_FLAG and _WITH_FLAG[part.program] in part.words:
        return True
    plain = [word for word in part.words[1:] if not word.startswith("-") and "=" not in word]
    looked_at = plain[: _WITH_WORD.get(part.program, 0)]
    # `make` alone builds.
    alone = part.program in ("make", "gradle", "gradlew") and not plain
    first = bool(plain) and plain[0] in _FIRST and part.program not in _TALKERS
    return alone or first or any(_WORDS.fullmatch(word) for word in looked_at)


def _stem(program: str) -> str:
    return PurePosixPath(program).stem


def _script(part: Part) -> Part:
    """What an interpreter runs, as if it had been called itself."""
    plain = [word for word in part.words[1:] if not word.startswith("-")]
    at = part.words.index(plain[0]) if plain else 0
    if part.program not in INTERPRETERS or at != 1:
        return part
    return Part((PurePosixPath(part.words[1]).name, *part.words[2:]), part.decides)
