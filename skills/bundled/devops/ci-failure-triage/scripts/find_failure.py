"""Finds in the log of a CI job what failed first, in which command, and of which kind it is."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

_NOISE = re.compile(
    r"\x1b\[[0-9;]*[A-Za-z]"
    r"|^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ?"
    r"|section_\w+:\d+:\S+"
    r"|^\[[\d:. TZ-]{8,}\] ?"
)
_COMMAND = re.compile(r"^(?:##\[(?:group|command)\](?:Run )?|\$ |\+ |> |Step \d+/\d+ : )(.{2,200})")
_EXIT = re.compile(
    r"(?:exit(?:ed)? (?:with )?(?:code|status):?|returned a non-zero code:) (\d+)", re.I
)
KINDS = {
    "disk full": ("no space left on device", "ENOSPC"),
    "out of memory": (
        "out of memory", "OOMKilled", "heap limit", r"Killed\s*$", "signal: 9", "SIGKILL",
        "exit code 137",
    ),
    "cancelled or timed out": (
        "The operation was canceled", "exceeded the maximum execution time",
        "job (?:was )?cancell?ed", "execution took longer than", "timeout: sending signal",
    ),
    "credentials": (
        r"(?:HTTP|error:?|status:?|code) 40[13]\b", "authentication (?:failed|required)",
        r"permission denied \(publickey", "denied: requested access", "bad credentials",
        "ENEEDAUTH",
    ),
    "network": (
        "could not resolve host", "temporary failure in name resolution",
        "connection (?:reset|refused|timed out)", "ETIMEDOUT", "ECONNRESET", "EAI_AGAIN",
        "TLS handshake timeout", r"HTTP 5\d\d", "toomanyrequests", "rate limit",
    ),
    "dependencies": (
        "no matching (?:distribution|version)", "ERESOLVE", "could not find a version",
        "unable to resolve dependency", "lock ?file.*(?:out of date|out of sync|not up to date)",
        "checksum mismatch", "frozen-lockfile", "failed to select a version",
        "package .* not found",
    ),
    "missing program or file": (
        "command not found", "No such file or directory", "is not recognized as",
        "cannot find module", "ModuleNotFoundError", "exit code 127",
    ),
    "compiler or types": (
        r"error TS\d+", r"error\[E\d+\]", ": error: ", "undefined reference", "cannot find symbol",
        "SyntaxError", "error: aborting due to", "BUILD FAILURE",
    ),
    "test": (
        "^FAILED ", "^--- FAIL:", r"^\s+● ", r"^not ok \d", r"\.\.\. FAILED$", "AssertionError",
        "assertion failed", "Tests? (?:run:.*)?(?:failed|Failures: [1-9])", r"^E  +\S",
    ),
    "lint or format": (
        "would (?:be )?reformat", r"\d+ problems? \(", r"Found \d+ errors?\b", "gofmt",
    ),
    "other error": (r"^##\[error\]", r"^(?:error|fatal|panic)\b", "^Traceback", r"\bERROR\b"),
}  # fmt: skip
"""Kinds of failure and what tells them. A line is of the first kind that fits."""
_WARNING = re.compile(r"\bwarn(?:ing)?\b", re.I)
_TEST_NAMES = re.compile(
    r"^FAILED (\S+)|^--- FAIL: (\S+)|^\s+● (.+)|^test (\S+) \.\.\. FAILED|^not ok \d+ -? ?(.+)"
)
CODES = {
    "1": "the command says no", "2": "wrong usage, or an error before the work began",
    "124": "killed by `timeout`", "126": "found, but may not be executed", "127": "no such program",
    "130": "interrupted", "134": "aborted", "137": "killed (SIGKILL): memory, or a runner's limit",
    "139": "crashed (SIGSEGV)", "143": "ended (SIGTERM): cancelled, or replaced by a newer run",
}  # fmt: skip
SHOWN = 3
"""Kinds whose first lines are shown with those around them."""
_RULES = tuple((kind, re.compile("|".join(told), re.I)) for kind, told in KINDS.items())


def cleaned(text: str) -> list[str]:
    """The lines without colours, times and a runner's marks."""
    return [_NOISE.sub("", line.split("\r")[-1] or line).rstrip() for line in text.splitlines()]


def kind_of(line: str) -> str:
    kind = next((kind for kind, rule in _RULES if rule.search(line)), "")
    return "" if kind == "other error" and _WARNING.search(line) else kind


def firsts(lines: list[str]) -> dict[str, tuple[int, int]]:
    """For each kind its first line and how many lines are of it."""
    found: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(lines, start=1):
        if kind := kind_of(line):
            first, count = found.get(kind, (number, 0))
            found[kind] = (first, count + 1)
    return found


def command_before(lines: list[str], number: int) -> str:
    for line in reversed(lines[:number]):
        if found := _COMMAND.match(line):
            return found[1].strip()
    return "not told by the log"


def failing_tests(lines: list[str]) -> list[str]:
    names = [next(filter(None, m.groups())) for m in map(_TEST_NAMES.match, lines) if m]
    return list(dict.fromkeys(names))


def around(lines: list[str], number: int, before: int = 2, after: int = 6) -> list[str]:
    start = max(0, number - 1 - before)
    return [
        f"{at + 1:>6}  {lines[at][:220]}" for at in range(start, min(len(lines), number + after))
    ]


def report(lines: list[str]) -> list[str]:
    found = firsts(lines)
    ordered = sorted(found.items(), key=lambda item: item[1][0])
    told = [f"{len(lines)} lines"]
    for kind, (number, count) in ordered:
        told.append(f"line {number}: {kind} ({count} lines) in: {command_before(lines, number)}")
    if tests := failing_tests(lines):
        told.append(f"failing tests: {len(tests)}: {', '.join(tests[:10])}")
    codes = list(
        dict.fromkeys(code for line in lines for code in _EXIT.findall(line) if code != "0")
    )
    told += [f"exit code {code}: {CODES.get(code, 'of the program')}" for code in codes]
    causes = [item for item in ordered if item[0] != "other error"] or ordered
    for kind, (number, _) in causes[:SHOWN]:
        told += [f"-- around the first ({kind})", *around(lines, number)]
    return told if found or codes else [*told, "no known failure; read the last 40 lines"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path, help="the job's log as text")
    options = parser.parse_args()
    try:
        text = options.log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        sys.stderr.write(f"cannot read {options.log}: {error}\n")
        return 2
    sys.stdout.write("\n".join(report(cleaned(text))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
