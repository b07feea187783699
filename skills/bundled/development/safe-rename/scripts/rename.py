"""Renames an identifier in the tracked files of a git repository: plan, apply, check."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

SIZE_LIMIT = 2 * 1024 * 1024


def git(*words: str) -> bytes:
    done = subprocess.run(["git", *words], capture_output=True, check=False)
    if done.returncode:
        print(done.stderr.decode("utf-8", "replace").strip(), file=sys.stderr)
        raise SystemExit(2)
    return done.stdout


def tracked() -> list[Path]:
    """The files git knows, as paths from here; links and submodules left out."""
    names = git("ls-files", "-z").decode("utf-8", "surrogateescape").split("\0")
    return [
        path for path in map(Path, filter(None, names)) if path.is_file() and not path.is_symlink()
    ]


def text_of(path: Path) -> str | None:
    """A file's text with its line ends; None for what is no text or too large."""
    if path.stat().st_size > SIZE_LIMIT:
        return None
    data = path.read_bytes()
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def words_of(name: str) -> list[str]:
    """The words of an identifier: load_user, LoadUser, load-user -> load, user."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+| ", split) if word]


def forms(name: str) -> list[str]:
    """The spellings of an identifier, always in the same order: itself, load_user, load-user,
    LOAD_USER, LoadUser, loadUser, load user."""
    words = words_of(name)
    pascal = "".join(word.capitalize() for word in words)
    camel = pascal[:1].lower() + pascal[1:]
    upper = "_".join(words).upper()
    return [name, "_".join(words), "-".join(words), upper, pascal, camel, " ".join(words)]


def whole(name: str) -> re.Pattern[str]:
    """The name as a word of its own; a hyphen beside it makes another word of a hyphened name."""
    edge = r"[\w-]" if "-" in name else r"\w"
    return re.compile(rf"(?<!{edge}){re.escape(name)}(?!{edge})")


def plan(old: str, new: str) -> int:
    """Exit 0 if there is something to rename and the new name is free."""
    others = [form for form in dict.fromkeys(forms(old)) if form != old]
    texts = {path: text for path in tracked() if (text := text_of(path)) is not None}
    for path in tracked():
        if any(form in str(path) for form in (old, *others)):
            print(f"file: {path}")
    here, clashes = counted(texts, old), counted(texts, new)
    print("".join(f"{count:5} {path}\n" for path, count in sorted(here.items())), end="")
    for path, count in sorted(clashes.items()):
        print(f"clash: {new} is {count} times in {path}")
    for form in others:
        if found := counted(texts, form):
            where = ", ".join(str(path) for path in sorted(found)[:5])
            print(f"spelling: {form} {found.total()} times in {where}")
    longer = re.compile(rf"\w*{re.escape(old)}\w*")
    inside = Counter(
        word for text in texts.values() for word in longer.findall(text) if word != old
    )
    for word, count in inside.most_common(20):
        print(f"inside: {word} {count} times")
    print(f"{here.total()} places in {len(here)} files")
    return 0 if here and not clashes else 1


def counted(texts: dict[Path, str], name: str) -> Counter[Path]:
    """How often a name stands in each file that has it."""
    return +Counter({path: len(whole(name).findall(text)) for path, text in texts.items()})


def pairs(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Every old spelling that is taken, and its new one."""
    known = dict(zip(forms(arguments.old), forms(arguments.new), strict=True))
    for form in arguments.also:
        if form not in known:
            raise ValueError(f"{form!r} is no spelling of {arguments.old}: {', '.join(known)}")
    return [(form, known[form]) for form in dict.fromkeys([arguments.old, *arguments.also])]


def chosen(arguments: argparse.Namespace) -> list[Path]:
    names = [(path, path.as_posix()) for path in tracked()]
    return [
        path
        for path, name in names
        if (not arguments.only or any(fnmatch(name, glob) for glob in arguments.only))
        and not any(fnmatch(name, glob) for glob in arguments.excepted)
    ]


def apply(arguments: argparse.Namespace) -> int:
    total = files = 0
    for path in chosen(arguments):
        text = text_of(path)
        if text is None:
            continue
        changed, count = text, 0
        for old, new in pairs(arguments):
            changed, found = whole(old).subn(lambda _, word=new: word, changed)  # type: ignore[misc]
            count += found
        if count:
            path.write_bytes(changed.encode("utf-8"))
            total, files = total + count, files + 1
    print(f"{total} places in {files} files changed")
    return 0 if total else 1


def check(arguments: argparse.Namespace) -> int:
    """Exit 1 if an old name is left, the counts do not add up or a Python file is broken."""
    faults = []
    texts = {path: text for path in tracked() if (text := text_of(path)) is not None}
    earlier = committed()
    for old, new in pairs(arguments):
        before = (counted(earlier, old) + counted(earlier, new)).total()
        after = (counted(texts, old) + counted(texts, new)).total()
        for path in chosen(arguments):
            lines = enumerate(texts.get(path, "").splitlines(), 1)
            faults += [f"left: {old} in {path}:{n}" for n, line in lines if whole(old).search(line)]
        if before != after:
            faults.append(f"{old} and {new} stood in {before} places, now in {after}")
    faults += [f"broken: {path}: {told}" for path in texts if (told := _broken(path))]
    print("\n".join(faults) or "every place is renamed")
    return 1 if faults else 0


def _broken(path: Path) -> str:
    """Why a Python file does not compile; empty for all others."""
    if path.suffix == ".py":
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return str(error)
    return ""


def committed() -> dict[Path, str]:
    """The texts of the last commit, by path; a file may have been moved since."""
    listed = git("ls-tree", "-r", "-z", "HEAD", ".").decode("utf-8", "surrogateescape").split("\0")
    entries = [entry.partition("\t") for entry in listed if entry.startswith("100")]
    names = "".join(f"{head.split()[2]}\n" for head, _, _ in entries)
    command = ["git", "cat-file", "--batch"]
    data = subprocess.run(command, input=names.encode(), capture_output=True, check=True).stdout
    texts: dict[Path, str] = {}
    at = 0
    for _, _, name in entries:
        end = data.index(b"\n", at)
        size = int(data[at:end].split()[2])
        content = data[end + 1 : end + 1 + size]
        at = end + size + 2
        if size <= SIZE_LIMIT and b"\0" not in content:
            texts[Path(name)] = content.decode("utf-8", "replace")
    return texts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("plan", "apply", "check"))
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument(
        "--also", action="append", default=[], help="another spelling of the old name"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="GLOB", help="only these files"
    )
    parser.add_argument(
        "--except", action="append", default=[], dest="excepted", metavar="GLOB", help="not these"
    )
    arguments = parser.parse_args()
    try:
        if arguments.action == "plan":
            return plan(arguments.old, arguments.new)
        return apply(arguments) if arguments.action == "apply" else check(arguments)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
