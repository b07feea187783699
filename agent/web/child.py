"""Programs of ours that end with their work: what they load and what goes wrong leaves with them.

Each is run by its path, alone: it imports nothing of ours and gets no environment but what is
named. How much memory and time of the processor it may use is its own business.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Said(NamedTuple):
    """out: its standard output. why: of one that failed the last line of its complaint, else ""."""

    out: bytes
    why: str


async def run(
    program: Path,
    *arguments: str,
    given: bytes,
    seconds: float,
    environment: Mapping[str, str] = {},
) -> Said:
    """TimeoutError after `seconds`. The process has ended when this returns, raises or is
    cancelled."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(program), *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            out, said = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not process.returncode:
        return Said(out, "")
    lines = said.decode(errors="replace").strip().splitlines()
    return Said(out, lines[-1][:300] if lines else "it needs too much")
