"""Looks into model files without loading them: safetensors headers, pickles, GGUF, checksums."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import pickletools
import re
import struct
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import IO, Any

WIDTH = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2}
WIDTH |= {"U16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1}
HEADER_LIMIT = 100 * 1000 * 1000
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
PLAIN = re.compile(
    r"collections\.OrderedDict|_codecs\.encode|torch\.(?:\w+Storage|Size|device|b?float\d*|int\d+)"
    r"|torch\._utils\._rebuild_(?:tensor_v2|parameter|sparse_tensor|qtensor)"
    r"|torch\.storage\.UntypedStorage|numpy\.(?:ndarray|dtype)"
    r"|numpy\._?core\.multiarray\.(?:_reconstruct|scalar)|(?:__builtin__|builtins)\.(?:set|dict)"
)
"""What the pickles of plain weights name; every other name runs somebody's code."""
MODELS = (".safetensors", ".gguf", *PICKLES)


def tensors(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The tensors a safetensors file says it holds, and what is wrong with it."""
    whole = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        if not 2 <= length <= min(HEADER_LIMIT, max(0, whole - 8)):
            return {}, [f"header of {length} bytes in a file of {whole}: cut off or no safetensors"]
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return {}, ["the header is no JSON"]
    header.pop("__metadata__", None)
    return header, _layout(header, whole - 8 - length)


def _layout(header: dict[str, Any], room: int) -> list[str]:
    """The tensors fill the file from its first to its last byte, each as long as its shape."""
    problems = []
    position = 0
    for name, told in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, end = told["data_offsets"]
        count = 1
        for side in told["shape"]:
            count *= side
        wanted = count * WIDTH.get(told["dtype"], 0)
        if told["dtype"] in WIDTH and end - start != wanted:
            problems.append(f"{name}: {end - start} bytes for {told['dtype']} {told['shape']}")
        if start != position:
            problems.append(f"{name}: begins at {start}, not at {position} (gap or overlap)")
        position = end
    if position != room:
        problems.append(f"tensors end at {position} of {room} bytes: cut off, or something behind")
    return problems[:10]


def pickle_names(file: IO[bytes]) -> set[str]:
    """The names one pickle imports, found without running it."""
    names: set[str] = set()
    pushed: list[str] = ["", ""]
    memo: dict[object, str] = {}
    for code, argument, _ in pickletools.genops(file):
        kind = code.name
        if kind in ("GLOBAL", "INST"):
            names.add(str(argument).replace(" ", "."))
        elif kind == "STACK_GLOBAL":
            names.add(".".join(pushed[-2:]) if all(pushed[-2:]) else "a name it hides")
        elif kind.startswith("EXT"):
            names.add("a registered extension")
        elif kind == "MEMOIZE" or kind.endswith("PUT"):
            memo[len(memo) if kind == "MEMOIZE" else argument] = pushed[-1]
        elif kind.endswith("GET"):
            pushed.append(memo.get(argument, ""))
        elif kind != "FRAME":
            pushed.append(argument if isinstance(argument, str) else "")
    return names


def pickled(path: Path) -> set[str]:
    """The names that a pickle, or the pickles in an archive of PyTorch, import."""
    names: set[str] = set()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in (name for name in archive.namelist() if name.endswith(".pkl")):
                names |= pickle_names(io.BytesIO(archive.read(name)))
    else:
        names = _in_a_row(path)
    return names


def _in_a_row(path: Path) -> set[str]:
    """Old PyTorch files are several pickles one after the other, then plain bytes."""
    names: set[str] = set()
    with path.open("rb") as file:
        names |= pickle_names(file)
        while True:
            try:
                names |= pickle_names(file)
            except (ValueError, IndexError, struct.error):
                return names


def inspect(path: Path) -> tuple[str, list[str]]:
    """One line about a file, and what is wrong with it."""
    size = f"{path.stat().st_size / 2**20:.1f} MiB"
    if path.suffix == ".safetensors":
        held, problems = tensors(path)
        kinds = Counter(told["dtype"] for told in held.values())
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        return f"{size}, tensors: {counts or 'none'}", problems
    if path.suffix == ".gguf":
        with path.open("rb") as file:
            right = file.read(4) == b"GGUF"
        return f"{size}, GGUF", [] if right else ["does not begin with GGUF"]
    names = sorted(pickled(path))
    strange = [name for name in names if not PLAIN.fullmatch(name)]
    told = f"{size}, pickle that names {', '.join(names[:8]) or 'nothing'}"
    return told, [f"loading it runs {name}" for name in strange]


def index_problems(folder: Path) -> list[str]:
    """The index of a model in several files names each tensor in the file that holds it."""
    problems = []
    for index in sorted(folder.glob("*.safetensors.index.json")):
        placed: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        held = {}
        for name in sorted(set(placed.values())):
            there = (folder / name).is_file()
            held[name] = set(tensors(folder / name)[0]) if there else set()
            problems += [] if there else [f"{index.name}: {name} is missing"]
        lost = [key for key, name in placed.items() if held[name] and key not in held[name]]
        if lost:
            problems.append(f"{index.name}: {len(lost)} tensors are elsewhere, such as {lost[0]}")
    return problems


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sums_problems(folder: Path, sums: Path) -> list[str]:
    """Differences from a list of `sha256  name` lines."""
    problems = []
    for line in sums.read_text(encoding="utf-8").splitlines():
        wanted, _, name = line.strip().partition(" ")
        name = name.strip().lstrip("*")
        if name and not (folder / name).is_file():
            problems.append(f"{name}: is missing")
        elif name and digest(folder / name) != wanted.lower():
            problems.append(f"{name}: has another checksum than {sums.name} says")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="a model file or the folder of a model")
    parser.add_argument("--sums", type=Path, help="compare with this list of sha256 checksums")
    parser.add_argument("--write-sums", type=Path, help="write such a list of the folder's files")
    options = parser.parse_args()
    folder = options.path if options.path.is_dir() else options.path.parent
    files = sorted(options.path.iterdir()) if options.path.is_dir() else [options.path]
    errors = []
    try:
        for file in [file for file in files if file.suffix in MODELS]:
            told, problems = inspect(file)
            sys.stdout.write(f"{file.name}: {told}\n")
            errors += [f"{file.name}: {problem}" for problem in problems]
        errors += index_problems(folder) if options.path.is_dir() else []
        errors += sums_problems(folder, options.sums) if options.sums else []
        if options.write_sums:
            lines = [f"{digest(f)}  {f.name}\n" for f in files if f.is_file()]
            options.write_sums.write_text("".join(lines), encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError, struct.error, zipfile.BadZipFile) as error:
        sys.stderr.write(f"cannot inspect {options.path}: {error!r}\n")
        return 2
    if not any(file.suffix in MODELS for file in files):
        errors.append(f"no model file in {options.path}")
    sys.stdout.write("\n".join([f"ERROR {error}" for error in errors] or ["no fault found"]) + "\n")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
