"""Work done as the bundled skills of MLOps, DevOps and Research say: right, or with one mistake.

`RIGHT` writes a skill's files into a folder and tells its inputs; `WRONG` holds changes to them,
each with a word of what the skill's verification then says.
"""

from __future__ import annotations

import csv
import json
import math
import os
import pickle
import random
import re
import shlex
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from skills.library import BUNDLED
from skills.skill import parse

GROUPS = ("mlops", "devops", "research")
FOLDERS = sorted(path for group in GROUPS for path in (BUNDLED / group).iterdir())
NAMES = {folder.name: folder for folder in FOLDERS}
SCRIPTS = sorted(script for folder in FOLDERS for script in (folder / "scripts").glob("*.py"))

Values = dict[str, str]
Change = Callable[[Path], object]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A script of a skill, given by its name, in a folder."""
    script = next(path for path in SCRIPTS if path.name == words[0])
    command = [sys.executable, str(script), *words[1:]]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def verify(name: str, folder: Path, values: Values) -> subprocess.CompletedProcess[str]:
    """The first command under the skill's Verification, its inputs filled in."""
    body = parse((NAMES[name] / "SKILL.md").read_text(encoding="utf-8"), name).body
    found = re.search(r"`([^`]+)`", body.partition("\n## Verification\n")[2])
    assert found, name
    known = {**values, "skill_dir": str(NAMES[name])}
    command = re.sub(r"\{(\w+)\}", lambda one: shlex.quote(known[one[1]]), found[1])
    command = re.sub(r"^python3 ", f"{shlex.quote(sys.executable)} ", command)
    return subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def rows(path: Path, *lines: object) -> None:
    """A file of JSON lines, or of CSV if that is its suffix."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows(lines)  # type: ignore[arg-type]
        else:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def edit(name: str, old: str, new: str) -> Change:
    """A change that replaces words which the file holds."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, (name, old)
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


# ---- what is right, by skill: each writes its files and tells the inputs ----


def loss(step: int) -> float:
    noise = random.Random(step).uniform(0.98, 1.02)
    return (0.2 + 2.3 / (1 + step / 80)) * noise


def training_log(folder: Path) -> Values:
    lines = [{"step": s, "loss": loss(s), "learning_rate": 1e-3} for s in range(0, 1000, 10)]
    rows(folder / "log.jsonl", *lines)
    return {"log": "log.jsonl"}


def sentence(seed: int) -> str:
    words = [f"word{random.Random(seed * 1000 + at).randrange(4000)}" for at in range(30)]
    return " ".join(words)


def dataset(folder: Path) -> Values:
    for side, start in (("train", 0), ("test", 100)):
        lines = [{"text": sentence(n), "user": f"u{n}"} for n in range(start, start + 40)]
        rows(folder / f"{side}.jsonl", *lines)
    return {"train": "train.jsonl", "test": "test.jsonl"}


def scored(folder: Path) -> Values:
    random_ = random.Random(5)
    for side, share in (("a", 0.5), ("b", 0.8)):
        lines = [{"id": n, "correct": random_.random() < share} for n in range(200)]
        rows(folder / f"{side}.jsonl", *lines)
    told = dict(line.split(": ", 1) for line in run(
        folder, "compare_models.py", "a.jsonl", "b.jsonl").stdout.splitlines())  # fmt: skip
    (folder / "report.md").write_text(
        f"**{told['verdict']}**: {told['difference']} [{told['low']}, {told['high']}]"
        f" on {told['examples']} examples.\n"
    )
    return {"a": "a.jsonl", "b": "b.jsonl"}


def run_folders(folder: Path) -> Values:
    for rate in (0.1, 0.01):
        for seed in (1, 2, 3):
            place = folder / "runs" / f"lr{rate}-{seed}"
            place.mkdir(parents=True)
            config = {"lr": rate, "seed": seed, "layers": 4, "out_dir": str(place)}
            (place / "config.json").write_text(json.dumps(config))
            (place / "metrics.json").write_text(json.dumps({"accuracy": rate * 2 + seed / 100}))
    (folder / "runs.csv").write_text(run(folder, "collect_runs.py", "runs").stdout)
    return {"runs": "runs"}


QWEN = {
    "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936,
    "tie_word_embeddings": True,
}  # fmt: skip
MIXTRAL = {
    "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 32000,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "num_local_experts": 8, "num_experts_per_tok": 2,
}  # fmt: skip
QWEN_30B = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "head_dim": 128,
    "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
    "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8,
    "vocab_size": 151936, "tie_word_embeddings": False,
}  # fmt: skip
GEMMA_2B = {
    "model_type": "gemma2", "hidden_size": 2304, "intermediate_size": 9216, "head_dim": 256,
    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
    "vocab_size": 256000,
}  # fmt: skip
PHI_3 = {
    "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192, "vocab_size": 32064,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
}  # fmt: skip
GPT_2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
LLAMA_8B = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 128256,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
}  # fmt: skip


def model_config(folder: Path) -> Values:
    (folder / "config.json").write_text(json.dumps(QWEN))
    return {"config": "config.json"}


def talk(number: int) -> dict[str, object]:
    return {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": f"answer {number}"},
        ]
    }


def chats(folder: Path) -> Values:
    rows(folder / "chat.jsonl", *map(talk, range(30)))
    return {"data": "chat.jsonl"}


def safetensors(path: Path, *names: str) -> None:
    told: dict[str, object] = {"__metadata__": {"format": "pt"}}
    for at, name in enumerate(names):
        told[name] = {"dtype": "F32", "shape": [2, 3], "data_offsets": [24 * at, 24 * at + 24]}
    header = json.dumps(told).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(24 * len(names)))


def model_files(folder: Path) -> Values:
    model = folder / "model"
    model.mkdir()
    safetensors(model / "a.safetensors", "one", "two")
    safetensors(model / "b.safetensors", "three")
    placed = {"one": "a.safetensors", "two": "a.safetensors", "three": "b.safetensors"}
    index = json.dumps({"metadata": {}, "weight_map": placed})
    (model / "model.safetensors.index.json").write_text(index)
    return {"model": "model"}


DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
COPY requirements.txt .
RUN apt-get update && \\
    apt-get install -y --no-install-recommends gcc && \\
    rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir --prefix=/install -r requirements.txt
FROM python:3.12-slim
COPY --from=build /install /usr/local
COPY src/ /app/
WORKDIR /app
USER 10001
CMD ["python", "main.py"]
"""


def dockerfile(folder: Path) -> Values:
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return {"dockerfile": "Dockerfile"}


def access_line(minute: int, status: int) -> str:
    path = "/api/pay" if status == 502 else f"/item/{minute}"
    clock = f"10/May/2026:10:{minute:02}:07 +0000"
    return f'10.0.0.{minute} - - [{clock}] "GET {path} HTTP/1.1" {status} 12 "-" "curl"\n'


def server_log(folder: Path) -> Values:
    lines = [access_line(minute, 200) for minute in range(50)]
    lines += [access_line(minute, 502) for minute in range(50, 57)]
    (folder / "access.log").write_text("".join(lines))
    (folder / "findings.md").write_text('It is `/api/pay`: 7 lines match `" 502 `, since 10:50.\n')
    return {"log": "access.log"}


def mended_build(folder: Path) -> Values:
    (folder / "job.log").write_text("$ make test\nFAILED tests/test_a.py::test_sum\n")
    (folder / "ok.sh").write_text("exit 0\n")
    return {"log": "job.log", "command": "sh ok.sh"}


UNIT = """\
[Unit]
Description=A program
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
ExecStart=/bin/sleep 1000
DynamicUser=yes
Restart=on-failure
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""


def unit(folder: Path) -> Values:
    (folder / "app.service").write_text(UNIT)
    return {"unit": "app.service"}


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True, timeout=60)


def certificate(folder: Path, name: str, days: int, alternative: str) -> None:
    """NAME.key and NAME.pem, issued by ca.pem, which stands behind it in NAME-chain.pem."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    subject = ("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(folder, "req", "-new", *key, *subject)
    (folder / "ext").write_text(f"subjectAltName={alternative}\nextendedKeyUsage=serverAuth\n")
    signer = ("-CA", "middle.pem", "-CAkey", "middle.key", "-CAcreateserial", "-extfile", "ext")
    file = f"{name}.pem"
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-days", str(days), *signer, "-out", file)
    chain = (folder / file).read_text() + (folder / "middle.pem").read_text()
    (folder / f"{name}-chain.pem").write_text(chain)


def database(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)")
        made.execute("CREATE TABLE orders (id INTEGER, person REFERENCES people)")
        made.executemany("INSERT INTO people VALUES (?, ?)", [(n, f"n{n}") for n in range(count)])
        made.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n) for n in range(count)])


def backups(folder: Path) -> Values:
    database(folder / "live.db", 500)
    with (
        closing(sqlite3.connect(folder / "live.db")) as live,
        closing(sqlite3.connect(folder / "copy.db")) as copy,
    ):
        live.backup(copy)
    return {"backup": "copy.db", "live": "live.db"}


def timeline(folder: Path) -> Values:
    (folder / "app.log").write_text(
        "2026-05-01T10:30:00Z deploy 41 finished\n"
        "2026-05-01T12:31:05+02:00 ERROR no connection to db\n"
        "  traceback without a time\n"
        "2026-05-01 10:40:00 healthy again\n"
    )
    (folder / "timeline.md").write_text(
        "| 2026-05-01T10:30:00Z | app.log:1 | `deploy 41` went out |\n"
        "2026-05-01T10:31:05Z | app.log:2 | began: `ERROR no connection`\n"
        "2026-05-01T10:40:00Z | app.log:4 | over: `healthy again`\n"
    )
    return {"logs": "app.log"}


BIB = """\
@article{smith2020,
  author = {Smith, Ann and {Lee}, Bo}, title = "A {DNA} study", journal = {Nature},
  year = 2020, doi = {10.1038/s41586-020-0001-1}, pages = {12--19}
}
@book{knuth, author={Knuth, D.}, title={Sorting}, publisher={AW}, year={1998},
  isbn={978-0-201-89685-5}}
@misc{vaswani, author = {Vaswani, A.}, title = {Attention}, eprint = {1706.03762}, year = {2017}}
"""


def citations(folder: Path) -> Values:
    (folder / "refs.bib").write_text(BIB)
    (folder / "text.md").write_text(
        "As shown [@smith2020, p. 3; @knuth] and by @vaswani. Mail me@example.org, `@code`.\n"
    )
    return {"text": "text.md", "bib": "refs.bib"}


def claims(folder: Path) -> Values:
    (folder / "sources").mkdir()
    (folder / "sources" / "who.txt").write_text(
        "In 2024 the survey reached 1,200 house-\nholds in \u201cnine\u201d districts of the north."
    )
    (folder / "sources" / "page.html").write_text(
        "<style>x{}</style><p>Costs fell by <b>12.5</b>&nbsp;percent last year &amp; stayed.</p>"
    )
    rows(
        folder / "claims.csv",
        ("claim", "verdict", "source", "quote"),
        ("1200 households", "supported", "who.txt", 'reached 1,200 households in "nine" districts'),
        (
            "costs fell 12.5 %",
            "supported",
            "page.html",
            "fell by 12.5 percent [\u2026] and stayed"[:20],
        ),
        ("costs rose", "contradicted", "page.html", "Costs fell by 12.5 percent"),
        ("the south too", "not found", "", ""),
    )
    return {"claims": "claims.csv", "sources": "sources"}


NOTES = """\
# A study of sleep
authors: Lee, Bo
year: 2026
source: 10.1000/sleep

## Question
- Does light matter?
## Method
- 48 students, "assigned at random to two
  groups" (p. 1)
## Results
- Sleep grew by 31 minutes, 95 % interval 12 to 50 (p. 2)
## Limits
- "only one university took part" (p. 2)
## For us
- Try it with 2000 people.
"""


def paper(folder: Path) -> Values:
    (folder / "paper.txt").write_text(
        "We took 48 students, as-\nsigned at random to two groups, and dimmed the light.\f"
        "Sleep grew by 31 minutes (95 % interval 12 to 50). Only one university took part.\f"
    )
    (folder / "notes.md").write_text(NOTES)
    return {"paper": "paper.txt", "notes": "notes.md"}


def recorded(folder: Path) -> Values:
    (folder / "data.csv").write_text("1\n2\n3\n")
    (folder / "sum.py").write_text(
        "print(sum(map(int, open('data.csv'))), file=open('out.txt', 'w'))\n"
    )
    files = ("--input", "data.csv", "--input", "sum.py", "--output", "out.txt")
    done = run(folder, "record_run.py", "run", "--log", "runs.jsonl", *files, "--",
               sys.executable, "sum.py")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {"log": "runs.jsonl"}


BRIEF = """\
# Are heat pumps cheaper?
## Answer
Mostly yes, by 12 % in 2025. [1, 2]
## Findings
- Prices fell in 2025. [1] Power rose by 3 %. [2]

| what | price |
|---|---|
| pump | 9000 EUR [3] |
## Open
- What happens in 2030?
## Sources
[1] Report. Office. published 2025-11-01, accessed 2026-05-02. https://stats.example.org/a
[2] Prices. Agency. undated, accessed 2026-05-02. https://www.agency.example.com/b
[3] Shop. published 2026-01-05, accessed 2026-05-02. https://shop.co.uk/c
"""


def brief(folder: Path) -> Values:
    (folder / "brief.md").write_text(BRIEF)
    return {"brief": "brief.md"}


def survey(folder: Path) -> Values:
    random_ = random.Random(3)
    lines = [("Plan", "Happy", "Uses")]
    for _ in range(200):
        plan = random_.choice(("free", "paid"))
        happy = random_.choice((1, 2, 3) if plan == "free" else (3, 4, 5))
        lines.append((plan, str(happy), random_.choice(("web", "app", "web;app"))))
    rows(folder / "answers.csv", *lines)
    told = run(folder, "survey_stats.py", "answers.csv").stdout
    figure = re.search(r"mean (-?[\d.]+ \[[^]]+\])", told)
    assert figure, told
    (folder / "report.md").write_text(f"Happiness: {figure[1]} of 5.\n")
    return {"answers": "answers.csv"}


FACT = ("item", "measure", "value", "unit", "year", "source", "url", "accessed", "quote", "note")


def fact(item: str, value: str, quote: str, note: str = "") -> tuple[str, ...]:
    link = "https://stats.example.org/p"
    year = "" if value == "n/a" else "2025"
    unit_ = "" if value == "n/a" else "people"
    return (item, "population", value, unit_, year, "Office", link, "2026-05-02", quote, note)


def facts(folder: Path) -> Values:
    rows(
        folder / "facts.csv",
        FACT,
        fact("Arland", "1234567", "1,234,567 inhabitants"),
        fact("Borland", "12300000", "12.3 million", "12.3 x 1000000"),
        fact("Corland", "n/a", "", "not in the yearbook, pages 3 to 9"),
    )
    (folder / "items.txt").write_text("Arland\nBorland\nCorland\n")
    return {"table": "facts.csv", "items": "items.txt"}


# ---- what is wrong, by skill: a change to the right files, and a word of what is then said ----


def write_lines(name: str, *lines: object) -> Change:
    return lambda folder: rows(folder / name, *lines)


def append(name: str, *lines: object) -> Change:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.writelines(
                line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines
            )

    return change


def log_of(*values: float) -> Change:
    return write_lines("log.jsonl", *({"step": s, "loss": v} for s, v in enumerate(values)))


def fewer_rows(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "copy.db")) as copy, copy:
        copy.execute("DELETE FROM orders WHERE id > 400")


def dangling_rows(folder: Path) -> None:
    for name in ("copy.db", "live.db"):
        with closing(sqlite3.connect(folder / name)) as made, made:
            made.execute("UPDATE orders SET person = 9999 WHERE id = 3")


def damaged(folder: Path) -> None:
    content = bytearray((folder / "copy.db").read_bytes())
    content[4096 * 2 : 4096 * 2 + 600] = b"\xff" * 600
    (folder / "copy.db").write_bytes(bytes(content))


def run_code(folder: Path) -> None:
    class Bad:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    (folder / "model" / "pytorch_model.bin").write_bytes(pickle.dumps(Bad()))


def cut_off(folder: Path) -> None:
    whole = (folder / "model" / "a.safetensors").read_bytes()
    (folder / "model" / "a.safetensors").write_bytes(whole[:-10])


def shard_lost(folder: Path) -> None:
    (folder / "model" / "b.safetensors").unlink()


def failed_log(folder: Path) -> None:
    (folder / "ok.sh").write_text("[ -e once ] && exit 3\ntouch once\n")


def said(*turns: tuple[str, str]) -> dict[str, object]:
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


RIGHT: dict[str, Callable[[Path], Values]] = {
    "training-run-triage": training_log,
    "dataset-split-check": dataset,
    "model-comparison": scored,
    "experiment-table": run_folders,
    "model-memory-budget": model_config,
    "chat-dataset-check": chats,
    "model-file-check": model_files,
    "dockerfile-review": dockerfile,
    "server-log-triage": server_log,
    "ci-failure-triage": mended_build,
    "systemd-unit": unit,
    "database-backup-check": backups,
    "incident-timeline": timeline,
    "citation-check": citations,
    "claim-check": claims,
    "paper-notes": paper,
    "reproduction-log": recorded,
    "web-research-brief": brief,
    "survey-statistics": survey,
    "sourced-data-table": facts,
}
NAN = math.nan
WRONG: list[tuple[str, Change, str]] = [
    ("training-run-triage", log_of(*map(loss, range(0, 400, 10)), NAN, NAN), "step 40"),
    ("training-run-triage", log_of(*map(loss, range(0, 400, 5)), *[9.0] * 40), "diverged"),
    ("training-run-triage", log_of(*[2.3] * 60), "no progress"),
    ("training-run-triage", log_of(2.3, 2.0), "too short"),
    ("dataset-split-check", append("test.jsonl", {"text": sentence(3), "user": "u3"}), "exact"),
    ("dataset-split-check",
     append("test.jsonl", {"text": sentence(3).replace("word1", "other1", 1), "user": "u900"}),
     "near copies: 1 of 41 test examples (test 41 = train 4)"),
    ("dataset-split-check", lambda f: (f / "test.jsonl").write_text(""), "test 0"),
    ("model-comparison", edit("report.md", "+0.", "+0.9"), "difference"),
    ("model-comparison", edit("report.md", "B is better", "no difference shown"), "verdict"),
    ("experiment-table", edit("runs.csv", "0.01", "0.02"), "is NOT"),
    ("experiment-table", lambda f: shutil.rmtree(f / "runs" / "lr0.1-2"), "is NOT"),
    ("model-memory-budget", lambda f: rows(f / "config.json", MIXTRAL), "DOES NOT FIT"),
    ("chat-dataset-check", append("chat.jsonl", talk(3)), "copy of an earlier line: 1 (lines 31)"),
    ("chat-dataset-check", append("chat.jsonl", "{broken\n"), "no JSON"),
    ("chat-dataset-check", append("chat.jsonl", said(("user", "a"), ("user", "b"))), "twice"),
    ("chat-dataset-check", append("chat.jsonl", said(("user", "a"), ("assistant", " "))), "empty"),
    ("chat-dataset-check", append("chat.jsonl", {"prompt": "a", "completion": "b"}), "several"),
    ("chat-dataset-check",
     append("chat.jsonl", {"messages": [
         {"role": "user", "content": "a"},
         {"role": "assistant", "content": None, "tool_calls": [
             {"id": "1", "function": {"name": "f", "arguments": "{x"}}]},
         {"role": "assistant", "content": "done"}]}),
     "tool call without an answer"),
    ("model-file-check", run_code, "loading it runs posix.system"),
    ("model-file-check", cut_off, "cut off"),
    ("model-file-check", shard_lost, "b.safetensors is missing"),
    ("dockerfile-review", edit("Dockerfile", "python:3.12-slim\nCOPY", "python\nCOPY"), "pinned"),
    ("dockerfile-review", edit("Dockerfile", "USER 10001\n", ""), "no USER"),
    ("dockerfile-review", edit("Dockerfile", "USER", "ENV DB_PASSWORD=x\nUSER"), "secret"),
    ("dockerfile-review", edit("Dockerfile", "USER", "COPY .env /app/\nUSER"), ".env"),
    ("dockerfile-review", edit("Dockerfile", "install -y", "install"), "without -y"),
    ("dockerfile-review", edit("Dockerfile", "USER", "RUN curl x | sh\nUSER"), "piped"),
    ("server-log-triage", edit("findings.md", "7 lines", "9 lines"), "7 lines match"),
    ("server-log-triage", edit("findings.md", "7 lines match", "some"), "states no count"),
    ("ci-failure-triage", failed_log, "flaky"),
    ("systemd-unit", edit("app.service", "1000\n", "1000 && echo done\n"), "no shell"),
    ("systemd-unit", edit("app.service", "/bin/sleep", "./sleep"), "absolute"),
    ("systemd-unit", edit("app.service", "/bin/sleep", "/bin/no-such"), "not there"),
    ("systemd-unit", edit("app.service", "/bin/sleep", "no-such"), "no-such is not there"),
    ("systemd-unit", edit("app.service", "on-failure", "always\nType=oneshot"), "is refused"),
    ("systemd-unit", edit("app.service", "Dynamic", "Environment=API_KEY=x1\nDynamic"), "secret"),
    ("systemd-unit", edit("app.service", "WantedBy=multi-user.target", ""), "WantedBy"),
    ("database-backup-check", fewer_rows, "orders: 500 rows live, 401 in the backup"),
    ("database-backup-check", dangling_rows, "foreign keys"),
    ("database-backup-check", damaged, "ERROR"),
    ("database-backup-check", lambda f: (f / "copy.db").write_text(""), "no table"),
    ("incident-timeline", edit("timeline.md", "10:31:05Z", "12:31:05Z"), "is of 2026-05-01T10:31"),
    ("incident-timeline", edit("timeline.md", "deploy 41", "deploy 42"), "does not say"),
    ("incident-timeline", edit("timeline.md", "app.log:4", "app.log:3"), "no line with a time"),
    ("citation-check", edit("text.md", "@knuth", "@knut"), "knut is cited"),
    ("citation-check", edit("refs.bib", "89685-5", "89685-6"), "ISBN"),
    ("citation-check", edit("refs.bib", "1706", "1913"), "arXiv"),
    ("citation-check", edit("refs.bib", "10.1038/", "10.x/"), "DOI"),
    ("citation-check", edit("refs.bib", "journal = {Nature},", ""), "no journal"),
    ("citation-check", append("refs.bib", "@misc{twin, title={Attention}, url={x}, year=2017}"),
     "twin (line 8) has the title of vaswani"),
    ("claim-check", edit("claims.csv", "reached 1,200", "reached about 1,200"), "not in who.txt"),
    ("claim-check", edit("claims.csv", "1200 households", "1300 households"), "say 1300"),
    ("claim-check", edit("claims.csv", "not found", "unclear"), "verdict"),
    ("paper-notes", edit("notes.md", "31 minutes", "13 minutes"), "not there: 13"),
    ("paper-notes", edit("notes.md", "(p. 1)", "(p. 2)"), "quotes what is not there"),
    ("paper-notes", edit("notes.md", "part\" (p. 2)", "part\""), "names no page"),
    ("paper-notes", edit("notes.md", "(p. 2)", "(p. 7)"), "none of the 2"),
    ("paper-notes", edit("notes.md", "## Limits", "## Other"), "`## Limits`"),
    ("reproduction-log", edit("data.csv", "3", "4"), "input data.csv has changed"),
    ("reproduction-log", edit("out.txt", "6", "7"), "output out.txt has changed"),
    ("reproduction-log", lambda f: (f / "out.txt").unlink(), "is missing"),
    ("web-research-brief", edit("brief.md", "3 %. [2]", "3 %."), "number without a source"),
    ("web-research-brief", edit("brief.md", "2025. [1, 2]", "2025."), "no source"),
    ("web-research-brief", edit("brief.md", "EUR [3]", "EUR [4]"), "[4] is not in the list"),
    ("web-research-brief", edit("brief.md", "undated, ", ""), "undated"),
    ("web-research-brief", edit("brief.md", "agency.example.com", "b.example.org"), "only 2 sites"),
    ("web-research-brief", edit("brief.md", "2025-11-01", "2026-11-01"), "cannot be"),
    ("survey-statistics", edit("report.md", ": ", ": 62.0% [1.0, 99.0], "), "no figure of this"),
    ("survey-statistics", lambda f: (f / "report.md").write_text("All fine."), "holds no"),
    ("sourced-data-table", edit("items.txt", "Corland", "Corland\nDorland"), "missing for Dorland"),
    ("sourced-data-table", edit("facts.csv", "1234567,", "1234576,"), "does not hold 1234576"),
    ("sourced-data-table", edit("facts.csv", "12300000,people", "12300000,%"), "several units"),
    ("sourced-data-table", edit("facts.csv", "12300000", "12.3 million"), "no plain number"),
    ("sourced-data-table", edit("facts.csv", '"not in the yearbook, pages 3 to 9"', ""), "a note"),
    ("sourced-data-table", edit("facts.csv", "https://stats", "stats"), "no address"),
]  # fmt: skip
