"""Real work for the demo: a folder of messy files, ways to clean them, and a check that counts.

Every name, column, value and number follows from the seed; only sh, awk, sed, tr, grep and sort
are needed. What a suffix means is the same for every seed: that is what there is to learn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["exports", "logs"]
Row = list[str]


@dataclass(frozen=True, slots=True)
class DemoTask:
    """prompt: what to say to the agent, with `folder` as its workspace. check_paths: what is there
    afterwards. verify: the command, run in the folder, that exits 0 when the work is right."""

    prompt: str
    check_paths: tuple[Path, ...]
    verify: str


def make_task(folder: Path, seed: int, kind: Kind = "exports", files: int = 0) -> DemoTask:
    """Write a task's files into `folder`, which is created. files: how many to work on, from 4 to
    12; 0 = what the seed says, from 7 to 9."""
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    (folder / "clean").mkdir(exist_ok=True)
    return _MAKERS[kind](folder, random.Random(f"{kind} {seed}"), files)


# -- exports: tables from four programs ---------------------------------------------------------

_SHOPS = "harbour mill station market castle garden bridge tower canal forest school quarry".split()
_ITEMS = "bolt washer hinge plank nail screw bracket clamp rivet spring valve gasket".split()
_TEXT_COLUMNS = "article product part item".split()
_COUNT_COLUMNS = "count pieces quantity stock".split()
_MONEY_COLUMNS = "amount price value total".split()

_EXPORTS_PROMPT = r"""Turn the raw exports into clean tables.
For each of: inbox/*
Ways:
1. `tr -d '\r' < {file} | tr ',;' '.,' > clean/{stem}.csv`
2. `grep -q '^[a-z]*=' {file} && awk 'NR == 1 { h = $0; gsub(/=[^ ]*/, "", h); gsub(/ /, ",", h); print h } { gsub(/[^ =]*=/, ""); gsub(/ /, ","); print }' {file} > clean/{stem}.csv`
3. `grep '^|' {file} | sed 's/^| *//; s/ *|$//; s/ *| */,/g' > clean/{stem}.csv`
4. `sed -e '1d;$d' -e 's/^ *//; s/ *$//; s/  */,/g' {file} > clean/{stem}.csv`
Check: `sh check.sh {file}`
Finally: `awk -F, 'FNR > 1 { rows[FILENAME]++; sum[FILENAME] += $NF } END { for (name in rows) printf "%s,%d,%.2f\n", name, rows[name], sum[name] }' clean/*.csv | sort > report.csv`, `sh check.sh all`"""  # noqa: E501

_EXPORTS_CHECK = r"""# control.txt: name, columns, rows, sum of the last column in cents.
one() {
    awk -F, -v want="$(grep "^$1 " control.txt)" -v name="$1" '
        BEGIN { split(want, w, " ") }
        NR == 1 { head = $0; columns = NF; next }
        NF != columns { bad = "line " NR " has " NF " columns instead of " columns }
        $NF !~ /^[0-9]+\.[0-9][0-9]$/ { bad = "line " NR " ends in " $NF ", which is no amount" }
        { sum += $NF }
        END {
            if (!bad && head != w[2]) bad = "the columns are " head " instead of " w[2]
            if (!bad && NR - 1 != w[3]) bad = NR - 1 " rows instead of " w[3]
            if (!bad && sprintf("%.0f", sum * 100) != w[4]) bad = "the sum is not the control sum"
            if (bad) { print name ": " bad; exit 1 }
        }' "clean/$1.csv"
}
if [ "$1" = all ]; then
    while read -r name rest; do one "$name" || exit 1; done < control.txt
    [ "$(wc -l < report.csv)" -eq "$(wc -l < control.txt)" ] || exit 1
    echo "all tables and the report are right"
else
    name=${1##*/}
    one "${name%.*}" && echo "${name%.*} is right"
fi
"""


def _exports(folder: Path, draw: random.Random, files: int) -> DemoTask:
    control: list[str] = []
    names = _names(draw, files, _SHOPS, [_semicolons, _pairs, _boxed, _columns])
    for (stem, suffix), write in names:
        head, rows = _table(draw)
        (folder / "inbox" / f"{stem}{suffix}").write_bytes(write(head, rows).encode())
        cents = sum(int(row[-1].replace(".", "")) for row in rows)
        control.append(f"{stem} {','.join(head)} {len(rows)} {cents}")
    (folder / "control.txt").write_text("\n".join(sorted(control)) + "\n")
    (folder / "check.sh").write_text(_EXPORTS_CHECK)
    tables = [folder / "clean" / f"{stem}.csv" for (stem, _), _ in names]
    return DemoTask(_EXPORTS_PROMPT, (*tables, folder / "report.csv"), "sh check.sh all")


def _table(draw: random.Random) -> tuple[Row, list[Row]]:
    """A head and rows: a word, perhaps a count, an amount with two decimals."""
    counted = draw.random() < 0.5
    head = [draw.choice(_TEXT_COLUMNS), draw.choice(_MONEY_COLUMNS)]
    if counted:
        head.insert(1, draw.choice(_COUNT_COLUMNS))
    rows = [
        [draw.choice(_ITEMS), str(draw.randint(1, 90)), f"{draw.randint(1, 99999) / 100:.2f}"]
        for _ in range(draw.randint(4, 12))
    ]
    return head, rows if counted else [[row[0], row[2]] for row in rows]


def _semicolons(head: Row, rows: list[Row]) -> str:
    lines = [";".join(cell.replace(".", ",") for cell in row) for row in [head, *rows]]
    return "".join(f"{line}\r\n" for line in lines)


def _pairs(head: Row, rows: list[Row]) -> str:
    lines = [" ".join(f"{key}={cell}" for key, cell in zip(head, row, strict=True)) for row in rows]
    return "\n".join(lines) + "\n"


def _boxed(head: Row, rows: list[Row]) -> str:
    rule = "+" + "+".join("-" * 14 for _ in head) + "+"
    lines = ["| " + " | ".join(f"{cell:<12}" for cell in row) + " |" for row in [head, *rows]]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule]) + "\n"


def _columns(head: Row, rows: list[Row]) -> str:
    lines = ["".join(f"{cell:>14}" for cell in row) for row in [head, *rows]]
    return "\n".join(["Stock list, all amounts net", *lines, f"({len(rows)} lines)"]) + "\n"


# -- logs: notes from four kinds of devices -----------------------------------------------------

_DEVICES = "pump boiler gate lift fan heater camera meter router printer scale oven".split()
_EVENTS = "door opened,filter full,link down,link up,self test passed,low battery,restarted".split(
    ","
)
_LEVELS = "INFO WARN ERROR".split()

_LOGS_PROMPT = r"""Convert the device logs to one common form, sorted by time.
For each of: inbox/*
Ways:
1. `sed 'y/T/ /' {file} | sort > clean/{stem}.log`
2. `grep -q '^{' {file} && sed 's/^{"at": "\(.*\)", "level": "\(.*\)", "text": "\(.*\)"}$/\1 \2 \3/' {file} | sort > clean/{stem}.log`
3. `sed 's/^\(..\)\.\(..\)\.\(....\) \(.*\) \[\(.*\)\] /\3-\2-\1 \4 \5 /' {file} | sort > clean/{stem}.log`
4. `sed 's/^\(.*\)|\(....\)\(..\)\(..\)-\(..\)\(..\)\(..\)|/\2-\3-\4 \5:\6:\7 \1 /' {file} | sort > clean/{stem}.log`
Check: `sh check.sh {file}`
Finally: `sort -m clean/*.log > all.log`, `sh check.sh all`"""  # noqa: E501

_LOGS_CHECK = r"""# control.txt: name, entries and entries of the level ERROR, for each log.
one() {
    awk -v want="$(grep "^$1 " control.txt)" -v name="$1" '
        BEGIN { split(want, w, " ") }
        $1 !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]$/ { bad = "line " NR " has no date" }
        $2 !~ /^[0-9][0-9]:[0-9][0-9]:[0-9][0-9]$/ { bad = "line " NR " has no time" }
        $3 !~ /^[A-Z]+$/ { bad = "line " NR " has no level" }
        $3 == "ERROR" { errors++ }
        END {
            if (!bad && NR != w[2]) bad = NR " entries instead of " w[2]
            if (!bad && errors + 0 != w[3]) bad = errors + 0 " errors instead of " w[3]
            if (bad) { print name ": " bad; exit 1 }
        }' "clean/$1.log" && sort -c "clean/$1.log"
}
if [ "$1" = all ]; then
    while read -r name rest; do one "$name" || exit 1; done < control.txt
    sort -c all.log && echo "all logs are right"
else
    name=${1##*/}
    one "${name%.*}" && echo "${name%.*} is right"
fi
"""


def _logs(folder: Path, draw: random.Random, files: int) -> DemoTask:
    control: list[str] = []
    names = _names(draw, files, _DEVICES, [_iso, _json, _dotted, _packed])
    for (stem, suffix), write in names:
        rows = [_entry(draw) for _ in range(draw.randint(5, 15))]
        (folder / "inbox" / f"{stem}{suffix}").write_text(write([], rows))
        control.append(f"{stem} {len(rows)} {sum(row[6] == 'ERROR' for row in rows)}")
    (folder / "control.txt").write_text("\n".join(sorted(control)) + "\n")
    (folder / "check.sh").write_text(_LOGS_CHECK)
    logs = [folder / "clean" / f"{stem}.log" for (stem, _), _ in names]
    return DemoTask(_LOGS_PROMPT, (*logs, folder / "all.log"), "sh check.sh all")


def _entry(draw: random.Random) -> Row:
    """Year, month, day, hour, minute, second, level, text."""
    numbers = [draw.randint(1, 12), draw.randint(1, 28), draw.randint(0, 23)]
    numbers += [draw.randint(0, 59), draw.randint(0, 59)]
    return ["2026", *(f"{n:02}" for n in numbers), draw.choice(_LEVELS), draw.choice(_EVENTS)]


def _iso(head: Row, rows: list[Row]) -> str:
    return _lines("{0}-{1}-{2}T{3}:{4}:{5} {6} {7}", rows)


def _json(head: Row, rows: list[Row]) -> str:
    form = '{{"at": "{0}-{1}-{2} {3}:{4}:{5}", "level": "{6}", "text": "{7}"}}'
    return _lines(form, rows)


def _dotted(head: Row, rows: list[Row]) -> str:
    return _lines("{2}.{1}.{0} {3}:{4}:{5} [{6}] {7}", rows)


def _packed(head: Row, rows: list[Row]) -> str:
    return _lines("{6}|{0}{1}{2}-{3}{4}{5}|{7}", rows)


def _lines(form: str, rows: Sequence[Row]) -> str:
    return "".join(form.format(*row) + "\n" for row in rows)


# -- both ---------------------------------------------------------------------------------------

_SUFFIXES = (".dat", ".out", ".exp", ".lst")
Writer = Callable[[Row, list[Row]], str]


def _names(
    draw: random.Random, files: int, stems: Sequence[str], writers: Sequence[Writer]
) -> list[tuple[tuple[str, str], Writer]]:
    """That many file names, each way at least once, with who writes them; 0 = seven to nine."""
    drawn = draw.randint(7, 9)  # in any case, so that the rest of what the seed says stays
    number = files or drawn
    forms = list(zip(_SUFFIXES, writers, strict=True))
    chosen = [*forms, *(draw.choice(forms[1:]) for _ in range(number - len(forms)))]
    draw.shuffle(chosen)
    names = [f"{stem}{draw.randint(1, 99)}" for stem in draw.sample(list(stems), number)]
    return [((stem, suffix), write) for stem, (suffix, write) in zip(names, chosen, strict=True)]


_MAKERS: dict[Kind, Callable[[Path, random.Random, int], DemoTask]] = {
    "exports": _exports,
    "logs": _logs,
}
