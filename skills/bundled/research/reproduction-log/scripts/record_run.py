"""Records an experiment so that it can be repeated, and repeats it: command, code, inputs, outputs.

record_run.py run --log runs.jsonl --input data.csv --output result.json -- COMMAND
record_run.py check --log runs.jsonl           are inputs and outputs still those of the record?
record_run.py again --log runs.jsonl [--run 3] run it again and compare what comes out
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT = ("SEED", "PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TZ", "LC_ALL", "LANG")
"""Variables that change results and hold no secrets."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

Record = dict[str, Any]


def digest(path: Path) -> str:
    """sha256 of a file, or of a folder's names and files; `missing` if there is none."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        lines = [f"{file.relative_to(path).as_posix()} {digest(file)}" for file in files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    if not path.is_file():
        return "missing"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def code_state() -> dict[str, str]:
    """The commit, and a digest of what is not committed, '' if nothing."""
    changed = _git("status", "--porcelain") + _git("diff", "HEAD")
    dirty = hashlib.sha256(changed.encode()).hexdigest()[:16] if _git("diff", "HEAD") else ""
    return {"commit": _git("rev-parse", "HEAD"), "uncommitted": dirty}


def execute(command: Sequence[str]) -> tuple[int, float]:
    start = time.monotonic()
    try:
        status = subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error}\n")
        status = 127
    return status, time.monotonic() - start


def run(options: argparse.Namespace, command: list[str]) -> int:
    if not command:
        sys.stderr.write("name the command behind --\n")
        return 2
    record: Record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "folder": str(Path.cwd()),
        "code": code_state(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "environment": {name: os.environ[name] for name in KEPT if name in os.environ},
        "inputs": {str(path): digest(path) for path in options.input},
        "note": options.note,
    }
    status, seconds = execute(command)
    record |= {"exit": status, "seconds": round(seconds, 2)}
    record["outputs"] = {str(path): digest(path) for path in options.output}
    with options.log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    sys.stdout.write(f"recorded in {options.log}: exit {status}, {seconds:.1f} s\n")
    return status


def changed(record: Record, what: str) -> Iterator[str]:
    """The recorded files of this side that are other files now."""
    for name, known in record[what].items():
        now = digest(Path(name))
        if now == "missing" or now != known:
            yield f"{what[:-1]} {name} {'is missing' if now == 'missing' else 'has changed'}"


def check(options: argparse.Namespace, records: list[Record]) -> int:
    """Every output is judged by the last run that wrote it."""
    last: Record = {name: record for record in records for name in record["outputs"]}
    wrong = [f"run {at}: exit {record['exit']}" for at, record in enumerate(records, 1)
             if record["exit"] and record in last.values()]  # fmt: skip
    for record in records:
        mine = {name: d for name, d in record["outputs"].items() if last[name] is record}
        if mine:
            wrong += changed(record, "inputs")
            wrong += changed({"outputs": mine}, "outputs")
    wrong += [] if last else ["no run recorded an output"]
    sys.stdout.writelines(f"ERROR {one}\n" for one in dict.fromkeys(wrong))
    sys.stdout.write(f"{len(records)} runs, {len(last)} outputs, {len(set(wrong))} errors\n")
    return int(bool(wrong))


def near(before: str, after: str, tolerance: float) -> bool:
    """The same text but for numbers that differ by this share at most."""
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return False
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    return all(
        abs(float(a) - float(b)) <= tolerance * max(abs(float(a)), abs(float(b)), 1e-12)
        for a, b in pairs
    )


def again(options: argparse.Namespace, records: list[Record]) -> int:
    record = records[options.run - 1 if options.run else -1]
    wrong = list(changed(record, "inputs"))
    if record["code"] != code_state():
        sys.stdout.write("the code is not that of the record\n")
    before = {name: Path(name).read_bytes() for name in record["outputs"] if Path(name).is_file()}
    status, _ = execute(record["command"])
    wrong += [f"exit {status}, recorded {record['exit']}"] if status != record["exit"] else []
    for name, known in record["outputs"].items():
        if digest(Path(name)) == known:
            continue
        old, new = before.get(name, b""), Path(name).read_bytes() if Path(name).is_file() else b""
        original = hashlib.sha256(old).hexdigest() == known
        texts = (old.decode("utf-8", "replace"), new.decode("utf-8", "replace"))
        if not (original and options.tolerance and near(*texts, options.tolerance)):
            wrong.append(f"output {name} comes out otherwise")
    sys.stdout.writelines(f"ERROR {one}\n" for one in wrong)
    sys.stdout.write("not reproduced\n" if wrong else "reproduced\n")
    return int(bool(wrong))


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("verb", choices=("run", "check", "again"))
    parser.add_argument("--log", type=Path, default=Path("runs.jsonl"))
    parser.add_argument("--input", type=Path, action="append", default=[])
    parser.add_argument("--output", type=Path, action="append", default=[])
    parser.add_argument("--note", default="", help="why this run was made")
    parser.add_argument("--run", type=int, default=0, help="which record; default: the last")
    parser.add_argument("--tolerance", type=float, default=0.0, help="share numbers may differ by")
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:cut])
    if options.verb == "run":
        return run(options, words[cut + 1 :])
    try:
        lines = options.log.read_text(encoding="utf-8").splitlines()
        records: list[Record] = [json.loads(line) for line in lines if line.strip()]
        return (check if options.verb == "check" else again)(options, records)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        sys.stderr.write(f"cannot read {options.log}: {error!r}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
