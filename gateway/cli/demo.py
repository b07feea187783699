"""`hermes demo`: watch it learn from real files, offline, in a home of its own."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path
from typing import cast

from gateway.cli.arguments import Arguments
from gateway.cli.narrator import Narrator
from gateway.cli.output import note
from gateway.demo import interruptible, play, problems, tidy, undisturbed
from gateway.demo_task import Kind


def main(arguments: Arguments) -> int:
    """0 if the second task took clearly fewer calls and both checks passed, else 1."""
    seed = arguments.number("seed", random.randint(1, 9999))
    kind = cast(Kind, arguments.text("kind", "exports"))
    with interruptible():
        folder = Path(tempfile.mkdtemp(prefix="hermes-demo-")).resolve()
        try:
            wrong = _show(folder, seed, kind, keep=arguments.on("keep"))
        except BaseException:
            with undisturbed():
                shutil.rmtree(folder, ignore_errors=True)
            raise
    for sentence in wrong:
        note(f"hermes: {sentence}")
    return 1 if wrong else 0


def _show(folder: Path, seed: int, kind: Kind, *, keep: bool) -> list[str]:
    """Play in `folder`, tell it, and leave there what was told; what went wrong."""
    narrator = Narrator(folder)
    narrator.opens(seed, kind)
    first, second = play(folder, seed, kind, narrator)
    narrator.compares(first, second)
    if not keep:
        tidy(folder)
    narrator.closes(first, second, kept=keep)
    return problems(first, second)
