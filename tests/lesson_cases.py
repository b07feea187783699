"""Short talks in which a note is written that must not be believed (TRAPS), or deserves to be
(HONEST, with the status it must have in the end).

A talk is a list of lines: `> ` the owner says, `< ` the model's answer, which ends the run;
`$ ` a command that worked, `! ` one that failed; `* ` the model keeps this note.
"""

from __future__ import annotations

import re
from pathlib import Path

_CASE = re.compile(r"^# (\w+): (.+)\n((?:[><$!*] .+\n)+)", re.MULTILINE)

CASES = _CASE.findall(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"))
TRAPS: dict[str, str] = {name: talk for status, name, talk in CASES if status == "trap"}
HONEST: dict[str, tuple[str, str]] = {
    name: (status, talk) for status, name, talk in CASES if status != "trap"
}
