"""A process that appends until it is killed; prints each sequence number once it is stored."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agent.events import Noticed
from hermes_home.paths import Home
from memory.database import Database
from memory.journal import Journal


async def write(root: str, first: int) -> None:
    journal = Journal(Database(Home(Path(root))))
    number = first
    while True:
        texts = [f"{number + at} " + "x" * (37 * (number + at) % 900) for at in range(7)]
        number += len(texts)
        seqs = await asyncio.gather(*(journal.append(Noticed(text=t), session="s") for t in texts))
        sys.stdout.write("".join(f"{seq} {t}\n" for seq, t in zip(seqs, texts, strict=True)))
        sys.stdout.flush()


asyncio.run(write(sys.argv[1], int(sys.argv[2])))
