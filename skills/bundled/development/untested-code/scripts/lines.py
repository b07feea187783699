"""Says which lines of a Python module a test run does not reach.

    lines.py MODULE.py [--at-least 85] -- -m pytest -q tests/test_module.py
    lines.py MODULE.py -- SCRIPT.py ARGUMENTS

Exit: 0 enough lines ran, 1 too few, 3 the tests themselves failed, 2 it cannot be measured.
"""

from __future__ import annotations

import argparse
import ast
import runpy
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any


def executable(source: str, path: str) -> set[int]:
    """The lines that hold an instruction, without docstrings and what no test runs."""
    found: set[int] = set()
    codes = [compile(source, path, "exec")]
    while codes:
        code = codes.pop()
        found |= {line for _, _, line in code.co_lines() if line}
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    tree = ast.parse(source)
    left = {line for node in ast.walk(tree) for line in _unneeded(node)}
    return found - left - {0}


def _unneeded(node: ast.AST) -> Iterator[int]:
    """Lines that need no test: docstrings, and blocks for type checkers or scripts."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
    if isinstance(node, ast.If) and ast.unparse(node.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
        "__name__ == '__main__'",
    ):
        yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def functions(source: str) -> list[tuple[int, int, str]]:
    """First line, last line and dotted name of every function, the inner ones last."""
    found: list[tuple[int, int, str]] = []

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{child.name}"
                if not isinstance(child, ast.ClassDef):
                    found.append((child.lineno, child.end_lineno or child.lineno, name))
                walk(child, f"{name}.")
            else:
                walk(child, prefix)

    walk(ast.parse(source), "")
    return found


class Watch:
    """Notes the lines of one file that run, in every thread."""

    def __init__(self, path: Path) -> None:
        self.lines: set[int] = set()
        self._path = str(path.resolve())
        self._known: dict[str, bool] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        name = frame.f_code.co_filename
        if name not in self._known:
            self._known[name] = str(Path(name).resolve()) == self._path
        if not self._known[name]:
            return None
        self.lines.add(frame.f_lineno)
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        self.lines.add(frame.f_lineno)
        return self._line


def run(words: list[str], watch: Watch) -> int:
    """Runs `-m MODULE …` or `SCRIPT …` under the watch; its exit status."""
    sys.path.insert(0, str(Path.cwd()))
    threading.settrace(watch)
    sys.settrace(watch)
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            sys.path.insert(0, str(Path(words[0]).resolve().parent))
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else bool(left.code)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return 0


def spans(lines: list[int]) -> str:
    """3,4,5,9 as 3-5, 9."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def report(source: str, wanted: set[int], ran: set[int]) -> float:
    """Prints the missed lines by function; the share that ran, in percent."""
    missed = wanted - ran
    owners: dict[str, list[int]] = {}
    named = functions(source)
    for line in sorted(missed):
        inner = [name for first, last, name in named if first <= line <= last]
        owners.setdefault(inner[-1] if inner else "top of the module", []).append(line)
    for name, lines in owners.items():
        print(f"not run: {name}: lines {spans(lines)}")
    share = 100 * len(wanted & ran) / len(wanted) if wanted else 100.0
    print(f"{len(wanted & ran)} of {len(wanted)} lines ran ({share:.0f} %)")
    return share


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module", type=Path)
    parser.add_argument("--at-least", type=float, default=0.0, metavar="PERCENT")
    if "--" not in sys.argv:
        parser.parse_args()
        parser.error("say after -- what runs the tests, such as -m unittest tests.test_x")
    at = sys.argv.index("--")
    arguments, words = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    try:
        source = arguments.module.read_text(encoding="utf-8")
        wanted = executable(source, str(arguments.module))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        print(f"cannot read {arguments.module}: {error}", file=sys.stderr)
        return 2
    words = shlex.split(words[0]) if len(words) == 1 else words
    if not words or words == ["-m"]:
        parser.error("nothing to run after --")
    watch = Watch(arguments.module)
    code = run(words, watch)
    sys.stdout.flush()
    if not watch.lines:
        print(f"the tests never loaded {arguments.module}", file=sys.stderr)
        return 2
    share = report(source, wanted, watch.lines)
    if code:
        print(f"the tests failed (exit {code})", file=sys.stderr)
        return 3
    return 0 if share >= arguments.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
