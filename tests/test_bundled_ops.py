"""The bundled skills of MLOps, DevOps and Research: each verification passes on work that is right
and fails on work that is not, and each skill is found by what people say."""

from __future__ import annotations

import ast
import csv
import gzip
import hashlib
import io
import json
import os
import pickle
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.providers.offline.instructions import read
from agent.providers.offline.steps import understood
from hermes_home.paths import Home
from skills.library import BUNDLED, Library
from skills.skill import parse
from skills.strict import check_strict
from tests.hermes import Hermes
from tests.ops_work import (
    FACT,
    FOLDERS,
    GEMMA_2B,
    GPT_2,
    GROUPS,
    LLAMA_8B,
    MIXTRAL,
    NAMES,
    PHI_3,
    QWEN,
    QWEN_30B,
    RIGHT,
    SCRIPTS,
    WRONG,
    Change,
    backups,
    brief,
    certificate,
    citations,
    edit,
    fact,
    loss,
    model_files,
    openssl,
    recorded,
    rows,
    run,
    run_folders,
    safetensors,
    sentence,
    server_log,
    survey,
    training_log,
    verify,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a root, an intermediate and certificates; ca.pem is the root."""
    folder = tmp_path_factory.mktemp("authority")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    root = ("-x509", "-days", "400", "-subj", "/CN=Root", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", *key, *root)
    middle = ("-new", "-subj", "/CN=Middle", "-keyout", "middle.key", "-out", "middle.csr")
    openssl(folder, "req", *key, *middle)
    (folder / "ext").write_text("basicConstraints=critical,CA:TRUE\n")
    signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext")
    made = ("-days", "300", "-out", "middle.pem")
    openssl(folder, "x509", "-req", "-in", "middle.csr", *signer, *made)
    certificate(folder, "site", 90, "DNS:shop.example.org,DNS:*.cdn.example.org")
    certificate(folder, "short", 5, "DNS:shop.example.org")
    return folder


JUNK = [
    b"",
    b"\xff\xfe{\x80",
    b"null\n",
    b"[1, null]\n[2]\n",
    b'{"a": {"b": [NaN]}}',
    bytes(range(256)),
]


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_the_verification_passes_on_right_work(tmp_path: Path, name: str):
    done = verify(name, tmp_path, RIGHT[name](tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "spoil", "word"), WRONG, ids=[f"{name}-{word[:20]}" for name, _, word in WRONG]
)
def test_the_verification_fails_on_wrong_work(tmp_path: Path, name: str, spoil: Change, word: str):
    values = RIGHT[name](tmp_path)
    spoil(tmp_path)
    done = verify(name, tmp_path, values)
    assert done.returncode == 1, done.stdout + done.stderr
    assert word in done.stdout


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_without_its_files_the_verification_fails_in_plain_words(tmp_path: Path, name: str):
    (tmp_path / "full").mkdir()
    (tmp_path / "empty").mkdir()
    values = RIGHT[name](tmp_path / "full")
    done = verify(name, tmp_path / "empty", values)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_files_that_are_no_such_thing_are_told_in_plain_words(tmp_path: Path, name: str):
    values = RIGHT[name](tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    files[len(name) % len(files)].write_bytes(random.Random(name).choice(JUNK))
    done = verify(name, tmp_path, values)
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_skill_has_its_parts_and_is_short(folder: Path):
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    skill = parse(text, folder.name)
    assert check_strict(text, folder.name) == []
    assert re.findall(r"(?m)^## (Inputs|Procedure|Pitfalls|Verification)$", skill.body) == [
        "Inputs", "Procedure", "Pitfalls", "Verification"
    ]  # fmt: skip
    assert len(skill.body.split()) < 600
    assert 40 <= len(skill.body.splitlines()) <= 90
    assert len(skill.description) <= 400
    assert " Use " in skill.description
    assert set(skill.metadata) <= {"hermes-triggers", "hermes-needs", "hermes-platforms"}
    needs = str(skill.metadata["hermes-needs"]).split()
    assert all(word in f"{skill.compatibility} python3" for word in needs)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_offline_model_takes_no_prose_for_a_step(folder: Path):
    skill = parse((folder / "SKILL.md").read_text(encoding="utf-8"), folder.name)
    steps, _ = understood(list(read(skill.body).steps))
    tools = {action.tool for step in steps for way in step.tries for action in way}
    assert tools <= {"shell"}


def test_the_groups_hold_seven_each():
    assert [len(list((BUNDLED / group).iterdir())) for group in GROUPS] == [7, 7, 7]
    assert {*RIGHT, "tls-certificate-check"} == set(NAMES)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_explains_itself_and_needs_nothing_but_python(tmp_path: Path, script: Path):
    told = run(tmp_path, script.name, "--help")
    assert told.returncode == 0
    assert "usage:" in told.stdout
    tree = ast.parse(script.read_text(encoding="utf-8"))
    used = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    used |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.split(".")[0] for name in used} <= sys.stdlib_module_names
    assert not used & {"socket", "http.client", "urllib.request"}
    text = script.parent.parent.joinpath("SKILL.md").read_text(encoding="utf-8")
    assert f"scripts/{script.name}" in text


# ---- what the scripts find out, beyond right and wrong ----


def test_a_triage_names_the_step_and_what_was_before(tmp_path: Path):
    lines = [
        f"[10:{s // 10:02}] step {10 * s}/3000 | loss: {loss(s):.4f} | grad_norm: {s / 10}, lr=0.01"
        for s in range(90)
    ]
    lines.insert(50, "saved checkpoint-500")
    (tmp_path / "out.txt").write_text("\n".join([*lines, "step 900/3000 | loss: nan | lr: 0.01"]))
    told = run(tmp_path, "triage_run.py", "out.txt").stdout
    assert "loss: 91 values, step 0 to 900" in told
    assert "nonfinite: loss first at step 900" in told
    assert "gradient norm 8.9 (highest of 20: 8.9)" in told


def test_a_triage_finds_overfitting_spikes_and_restarts(tmp_path: Path):
    history: list[dict[str, float]] = [{"step": s, "loss": loss(s)} for s in range(0, 2000, 10)]
    history[120]["loss"] = 50.0
    history += history[190:195]
    history += [{"step": s, "eval_loss": 1 + abs(s - 600) / 1000} for s in range(0, 2000, 200)]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    told = run(tmp_path, "triage_run.py", "trainer_state.json").stdout
    assert "overfits: validation best 1 at step 600" in told
    assert "worst 50 at 1200" in told
    assert "restarts: the step goes back 1 times (1990 -> 1900)" in told


@pytest.mark.parametrize(
    "line",
    [
        "{{'loss': {0}, 'learning_rate': 1e-05, 'epoch': {1}}}",
        "Epoch {1}/60\n100/100 - 3s - loss: {0} - accuracy: 0.5",
        "INFO iter [{1}] loss={0}",
        "2026-05-01 10:00:00 | epoch: {1} | train_loss: {0} | ETA: 3.5",
    ],
    ids=["trainer", "keras", "bracket", "pipes"],
)
def test_a_triage_reads_the_lines_of_usual_trainers(tmp_path: Path, line: str):
    values = [loss(20 * number) for number in range(30)]
    lines = [line.format(f"{value:.4f}", 2 * number) for number, value in enumerate(values)]
    (tmp_path / "out.txt").write_text("\n".join([*lines, line.format("nan", 60)]))
    assert "first at step 60" in run(tmp_path, "triage_run.py", "out.txt").stdout


def test_a_healthy_run_has_no_finding(tmp_path: Path):
    training_log(tmp_path)
    assert run(tmp_path, "triage_run.py", "log.jsonl").stdout.endswith("nothing found\n")


def test_groups_and_times_leak_too(tmp_path: Path):
    for side, start, year in (("train", 0, 2025), ("test", 20, 2024)):
        lines = [
            {"t": sentence(n), "u": n % 7, "d": f"{year}-01-01"} for n in range(start, start + 20)
        ]
        rows(tmp_path / f"{side}.jsonl", *lines)
    words = ("check_split.py", "train.jsonl", "test.jsonl", "--group", "u", "--time", "d")
    told = run(tmp_path, *words).stdout
    assert "group u: 7 values on both sides" in told
    assert "time d: 20 training examples" in told


def test_copies_with_another_id_and_label_are_copies(tmp_path: Path):
    for side, label in (("train", "yes"), ("test", "no")):
        lines = [{"id": f"{side}{n}", "text": sentence(n), "label": label} for n in range(5)]
        rows(tmp_path / f"{side}.jsonl", *lines)
    told = run(tmp_path, "check_split.py", "train.jsonl", "test.jsonl").stdout
    assert "compared: text\nexact copies: 5 of 5" in told


def test_a_split_keeps_groups_whole_and_stays_as_it_was(tmp_path: Path):
    lines = [{"text": sentence(n), "user": n % 25} for n in range(200)]
    rows(tmp_path / "all.jsonl", *lines)
    words = ("check_split.py", "all.jsonl", "--group", "user", "--out")
    run(tmp_path, *words, "one")
    rows(tmp_path / "all.jsonl", *lines, {"text": sentence(900), "user": 99})
    run(tmp_path, *words, "two")
    first = set((tmp_path / "one" / "test.jsonl").read_text().splitlines())
    assert first <= set((tmp_path / "two" / "test.jsonl").read_text().splitlines())
    check = ("check_split.py", "one/train.jsonl", "one/test.jsonl", "--group", "user", "--check")
    assert run(tmp_path, *check).returncode == 0
    assert 0 < len(first) < 100


@pytest.mark.slow
def test_an_interval_holds_the_true_difference_as_often_as_it_says(tmp_path: Path):
    held = 0
    for seed in range(20):
        random_ = random.Random(seed)
        for side, share in (("a", 0.4), ("b", 0.5)):
            lines = [{"id": n, "score": random_.random() < share} for n in range(120)]
            rows(tmp_path / f"{side}.jsonl", *lines)
        told = dict(line.split(": ", 1) for line in run(
            tmp_path, "compare_models.py", "a.jsonl", "b.jsonl").stdout.splitlines())  # fmt: skip
        held += float(told["low"]) <= 0.1 <= float(told["high"])
    assert held >= 16


def test_a_comparison_pairs_by_id_and_averages_samples(tmp_path: Path):
    rows(tmp_path / "a.csv", ("id", "score"), ("x", 1), ("x", 0), ("y", 1), ("z", 0))
    rows(tmp_path / "b.csv", ("id", "score"), ("y", 1), ("x", 1), ("w", 1))
    told = run(tmp_path, "compare_models.py", "a.csv", "b.csv").stdout
    assert "examples: 2\n" in told
    assert "difference: +0.2500" in told
    assert "only in A: 1, only in B: 1" in told
    told = run(tmp_path, "compare_models.py", "a.csv", "b.csv", "--missing", "0").stdout
    assert "examples: 4\nmean A: 0.3750\nmean B: 0.7500 [" in told


def test_the_run_table_shows_what_was_varied_and_groups_over_seeds(tmp_path: Path):
    run_folders(tmp_path)
    (tmp_path / "runs" / "dead").mkdir()
    (tmp_path / "runs" / "dead" / "config.yaml").write_text("lr: 0.5\nseed: 4\nlayers: 4\n")
    done = run(tmp_path, "collect_runs.py", "runs", "--metric", "accuracy")
    table = list(csv.reader(io.StringIO(done.stdout)))
    assert table[0] == ["run", "lr", "seed", "accuracy"]
    assert ["dead", "0.5", "4", ""] in table
    assert "dead: no metrics" in done.stderr
    assert "lr=0.1: accuracy 0.22 ± 0.01, n=3" in done.stderr


@pytest.mark.parametrize(
    ("config", "billions"),
    [
        (QWEN, "0.49"),
        (MIXTRAL, "46.70"),
        (LLAMA_8B, "8.03"),
        (QWEN_30B, "30.53"),
        (GEMMA_2B, "2.61"),
        (PHI_3, "3.82"),
        (GPT_2, "0.12"),
    ],
    ids=[
        "qwen2.5-0.5b",
        "mixtral-8x7b",
        "llama-3.1-8b",
        "qwen3-30b",
        "gemma-2-2b",
        "phi-3",
        "gpt-2",
    ],
)
def test_parameters_are_those_that_are_published(
    tmp_path: Path, config: dict[str, object], billions: str
):
    (tmp_path / "config.json").write_text(json.dumps(config))
    told = run(tmp_path, "estimate_memory.py", ".").stdout
    assert f"parameters: {billions} billion" in told


def test_a_cache_grows_with_context_and_sequences(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    told = run(tmp_path, "estimate_memory.py", ".", "--context", "8192", "--batch", "4").stdout
    assert "cache of one token: 128.0 KiB" in told
    assert "cache (bf16): 4.00 GiB" in told


def test_chats_of_every_form_become_messages(tmp_path: Path):
    rows(
        tmp_path / "mixed.jsonl",
        {"system": "S", "conversations": [{"from": "human", "value": "a"},
                                          {"from": "gpt", "value": "b"}]},
        {"instruction": "c", "input": "d", "output": "e"},
        {"prompt": "f", "completion": "g"},
        {"prompt": "f", "completion": ""},
    )  # fmt: skip
    assert run(tmp_path, "check_chat.py", "mixed.jsonl", "--write", "clean.jsonl").returncode == 1
    lines = [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text().splitlines()]
    told = [[(m["role"], m["content"]) for m in line["messages"]] for line in lines]
    assert told == [
        [("system", "S"), ("user", "a"), ("assistant", "b")],
        [("user", "c\n\nd"), ("assistant", "e")],
        [("user", "f"), ("assistant", "g")],
    ]
    assert run(tmp_path, "check_chat.py", "clean.jsonl").returncode == 0


def hidden_call() -> bytes:
    """A pickle that calls os.system and pushes harmless names between, to look like weights."""
    text = [pickle.SHORT_BINUNICODE + bytes([len(word)]) + word for word in
            (b"os", b"system", b"collections", b"OrderedDict", b"true")]  # fmt: skip
    pushed = text[0] + text[1] + text[2] + text[3] + pickle.POP + pickle.POP
    return b"\x80\x04" + pushed + pickle.STACK_GLOBAL + text[4] + pickle.TUPLE1 + b"R."


def test_a_pickle_is_judged_by_every_name_it_imports(tmp_path: Path):
    plain = pickle.dumps({"w": __import__("collections").OrderedDict(a=1)})
    (tmp_path / "plain.pt").write_bytes(plain + b"\0" * 50)
    right = run(tmp_path, "inspect_model.py", "plain.pt")
    assert right.returncode == 0
    assert "names collections.OrderedDict\n" in right.stdout
    (tmp_path / "hidden.pt").write_bytes(hidden_call())
    assert "a name it hides" in run(tmp_path, "inspect_model.py", "hidden.pt").stdout
    (tmp_path / "second.pt").write_bytes(plain + pickle.dumps(os.system))
    assert "posix.system" in run(tmp_path, "inspect_model.py", "second.pt").stdout


def test_checksums_that_were_written_are_checked(tmp_path: Path):
    model_files(tmp_path)
    run(tmp_path, "inspect_model.py", "model", "--write-sums", "SUMS")
    assert run(tmp_path, "inspect_model.py", "model", "--sums", "SUMS").returncode == 0
    digest = hashlib.sha256((tmp_path / "model" / "a.safetensors").read_bytes()).hexdigest()
    assert digest in (tmp_path / "SUMS").read_text()
    safetensors(tmp_path / "model" / "b.safetensors", "three", "four")
    told = run(tmp_path, "inspect_model.py", "model", "--sums", "SUMS").stdout
    assert "b.safetensors: has another checksum" in told


def test_a_dockerfile_is_read_with_its_continuations(tmp_path: Path):
    (tmp_path / "Dockerfile").write_text(
        "FROM debian:12\nRUN apt-get update \\\n  # why\n  && apt-get install -y curl\n"
        "COPY . /app\nRUN pip install -r /app/requirements.txt\nRUN <<EOF\ncurl x | sh\nEOF\n"
        "ENTRYPOINT python /app/main.py\nUSER app\n"
    )
    (tmp_path / ".git").mkdir()
    told = run(tmp_path, "lint_dockerfile.py", "Dockerfile").stdout
    assert "apt-get update alone" not in told
    assert "warn line 5: COPY of everything before line 6" in told
    assert "ERROR line 7: a download is piped" in told
    assert "stop signals do not arrive" in told
    assert "ERROR line 5: .git is copied" in told


def test_a_log_is_grouped_dated_and_cut_by_time(tmp_path: Path):
    server_log(tmp_path)
    errors = [
        f"2026/05/10 10:{m}:09 [error] 7#7: *{m} upstream timed out (110)\n" for m in range(20, 25)
    ]
    with gzip.open(tmp_path / "error.log.gz", "wt") as file:
        file.writelines(errors)
    both = ("cluster_log.py", "access.log", "error.log.gz")
    told = run(tmp_path, *both).stdout
    assert "status: 200 50, 502 7" in told
    assert "5xx by path: /api/pay 7" in told
    assert "5 x [2026-05-10 10:20:09 .. 2026-05-10 10:24:09] error.log.gz:1" in told
    late = run(tmp_path, *both, "--since", "2026-05-10T10:52", "--until", "2026-05-10T10:53").stdout
    assert "lines: 2," in late


CI_LOG = """\
2026-05-01T10:00:00.1234567Z ##[group]Run npm ci
2026-05-01T10:00:01.1234567Z added 812 packages
2026-05-01T10:00:02.1234567Z ##[group]Run pytest -x
2026-05-01T10:00:03.1234567Z \x1b[31mE   AssertionError: 3 != 4\x1b[0m
2026-05-01T10:00:04.1234567Z FAILED tests/test_sum.py::test_sum - AssertionError
2026-05-01T10:00:05.1234567Z ##[error]Process completed with exit code 1.
"""


def test_the_first_failure_of_a_job_is_named_with_its_command(tmp_path: Path):
    (tmp_path / "job.log").write_text(CI_LOG)
    told = run(tmp_path, "find_failure.py", "job.log").stdout
    assert "line 4: test (2 lines) in: pytest -x" in told
    assert "failing tests: 1: tests/test_sum.py::test_sum" in told
    assert "exit code 1:" in told


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("write /tmp/x: no space left on device", "disk full"),
        ("Killed", "out of memory"),
        ("curl: (6) Could not resolve host: example.org", "network"),
        ("npm ERR! code ERESOLVE", "dependencies"),
        ("sh: 1: tsc: command not found", "missing program or file"),
        ("src/a.ts(3,1): error TS2304: Cannot find name", "compiler or types"),
        ("remote: HTTP 403 for https://x", "credentials"),
        ("The operation was canceled.", "cancelled or timed out"),
    ],
)
def test_failures_are_told_apart(tmp_path: Path, line: str, kind: str):
    (tmp_path / "job.log").write_text(f"$ step one\nall is well\n{line}\nError: it failed\n")
    assert f"line 3: {kind} " in run(tmp_path, "find_failure.py", "job.log").stdout


def test_what_is_only_unwise_in_a_unit_is_a_warning(tmp_path: Path):
    (tmp_path / "a.service").write_text(
        "[Unit]\nAfter=network-online.target\n[Service]\nExecStart=sleep 9\nExecStop=-/bin/none\n"
    )
    done = run(tmp_path, "check_unit.py", "a.service")
    assert done.returncode == 0, done.stdout
    for word in (
        "add Wants=",
        "/bin/none is not there",
        "runs as root",
        "no [Install]",
        "Restart=",
    ):
        assert word in done.stdout


def test_a_timer_is_checked_as_a_timer(tmp_path: Path):
    right = (
        "[Timer]\nOnCalendar=*-*-* 03:00:00\nPersistent=true\n[Install]\nWantedBy=timers.target\n"
    )
    service = "[Service]\nType=oneshot\nExecStart=/bin/true\nDynamicUser=yes\n"
    (tmp_path / "a.service").write_text(service)
    (tmp_path / "a.timer").write_text(right)
    assert run(tmp_path, "check_unit.py", "a.timer").returncode == 0
    assert run(tmp_path, "check_unit.py", "a.service", "--timed").returncode == 0
    (tmp_path / "a.timer").write_text(right.replace("*-*-* 03:00:00", "0 3 * * *"))
    assert "cron line" in run(tmp_path, "check_unit.py", "a.timer").stdout


@pytest.mark.slow
def test_the_certificate_verification(authority: Path):
    def check(chain: str, host: str, *more: str) -> subprocess.CompletedProcess[str]:
        return run(authority, "check_tls.py", chain, "--host", host, "--ca", "ca.pem", *more)

    right = check("site-chain.pem", "shop.example.org", "--key", "site.key")
    assert right.returncode == 0, right.stdout
    assert check("site-chain.pem", "a.cdn.example.org").returncode == 0
    for chain, host, more, word in (
        ("site-chain.pem", "example.org", (), "is not for example.org"),
        ("site-chain.pem", "a.b.cdn.example.org", (), "is not for"),
        ("site.pem", "shop.example.org", (), "no intermediate"),
        ("short-chain.pem", "shop.example.org", (), "less than 21 days"),
        ("site-chain.pem", "shop.example.org", ("--key", "short.key"), "belongs to another key"),
    ):
        done = check(chain, host, *more)
        assert (done.returncode, word in done.stdout) == (1, True), done.stdout
    done = verify("tls-certificate-check", authority,
                  {"chain": "site-chain.pem", "host": "shop.example.org"})  # fmt: skip
    assert (done.returncode, "not trusted" in done.stdout) == (1, True)


def test_the_certificate_verification_passes_with_a_root_of_this_machine(
    authority: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    values = {"chain": "site-chain.pem", "host": "shop.example.org"}
    done = verify("tls-certificate-check", authority, values)
    assert done.returncode == 0, done.stdout
    order = (authority / "middle.pem").read_text() + (authority / "site.pem").read_text()
    (authority / "turned.pem").write_text(order)
    done = verify("tls-certificate-check", authority, {**values, "chain": "turned.pem"})
    assert (done.returncode, "is issued by" in done.stdout) == (1, True)


def test_backups_as_text_and_packed_are_restored_too(tmp_path: Path):
    backups(tmp_path)
    with closing(sqlite3.connect(tmp_path / "live.db")) as live:
        dump = "\n".join(live.iterdump())
    (tmp_path / "dump.sql").write_text(dump)
    with gzip.open(tmp_path / "dump.sql.gz", "wt") as file:
        file.write(dump)
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in ("dump.sql", "dump.sql.gz"):
        done = run(tmp_path, "check_backup.py", name, "live.db", "--exact")
        assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    (tmp_path / "dump.sql").write_text(dump[: len(dump) // 2])
    assert run(tmp_path, "check_backup.py", "dump.sql", "live.db").returncode == 1


def test_rows_that_came_since_the_backup_may_be_allowed(tmp_path: Path):
    backups(tmp_path)
    with closing(sqlite3.connect(tmp_path / "live.db")) as live:
        live.execute("PRAGMA journal_mode=WAL")
        live.execute("INSERT INTO people VALUES (900, 'new')")
        live.commit()
        words = ("check_backup.py", "copy.db", "live.db")
        assert run(tmp_path, *words).returncode == 1
        assert run(tmp_path, *words, "--behind", "1").returncode == 0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy, copy:
        copy.execute("UPDATE people SET name = 'x' WHERE id = 1")
    assert "not the same" not in run(tmp_path, *words, "--behind", "1").stdout
    with closing(sqlite3.connect(tmp_path / "live.db")) as live, live:
        live.execute("DELETE FROM people WHERE id = 900")
    assert "not the same" in run(tmp_path, *words, "--exact").stdout


def test_sources_of_all_zones_come_into_one_order(tmp_path: Path):
    (tmp_path / "a.log").write_text("2026-05-01 12:00:03 third\n2026-05-01 11:59:00 first\n")
    (tmp_path / "b.log").write_text('1.2.3.4 - - [01/May/2026:06:00:01 -0400] "GET /" 200\n')
    (tmp_path / "c.log").write_text("May  1 10:00:05 host prog: fifth\n")
    (tmp_path / "d.log").write_text('{"ts": 1777629604.5, "msg": "fourth"}\n')
    words = ("merge_timeline.py", "a.log@+02:00", "b.log", "c.log", "d.log", "--year", "2026")
    told = run(tmp_path, *words).stdout.splitlines()
    assert [line.split(" | ")[0][11:] for line in told] == [
        "09:59:00Z", "10:00:01Z", "10:00:03Z", "10:00:04Z", "10:00:05Z"
    ]  # fmt: skip
    near = ("--around", "2026-05-01T10:00:04+00:00", "--minutes", "0.05")
    assert len(run(tmp_path, *words, *near).stdout.splitlines()) == 4


def test_what_is_cited_can_be_looked_up(tmp_path: Path):
    citations(tmp_path)
    told = run(tmp_path, "check_citations.py", "text.md", "refs.bib", "--lookups").stdout
    assert "smith2020\thttps://api.crossref.org/works/10.1038/s41586-020-0001-1\tSmith" in told
    assert "vaswani\thttps://arxiv.org/abs/1706.03762" in told
    (tmp_path / "text.tex").write_text(r"\citep[see][p.~3]{smith2020, knuth} \textcite{vaswani}")
    assert run(tmp_path, "check_citations.py", "text.tex", "refs.bib").returncode == 0


def test_a_run_is_repeated_and_compared(tmp_path: Path):
    recorded(tmp_path)
    again = ("record_run.py", "again", "--log", "runs.jsonl")
    assert run(tmp_path, *again).stdout == "reproduced\n"
    script = "import random; open('out.txt', 'w').write(f'x = {6 + random.random() * 1e-9}')\n"
    (tmp_path / "sum.py").write_text(script)
    words = ("--output", "out.txt", "--", sys.executable, "sum.py")
    run(tmp_path, "record_run.py", "run", "--log", "runs.jsonl", *words)
    assert run(tmp_path, *again).returncode == 1
    run(tmp_path, "record_run.py", "run", "--log", "runs.jsonl", *words)
    assert run(tmp_path, *again, "--tolerance", "1e-6").stdout == "reproduced\n"


def test_a_failed_run_is_recorded_and_told(tmp_path: Path):
    words = ("record_run.py", "run", "--output", "o", "--", "sh", "-c", "echo 1 > o; exit 3")
    assert run(tmp_path, *words).returncode == 3
    done = run(tmp_path, "record_run.py", "check")
    assert (done.returncode, "run 1: exit 3" in done.stdout) == (1, True)


def test_old_sources_must_be_marked(tmp_path: Path):
    brief(tmp_path)
    told = run(tmp_path, "check_brief.py", "brief.md", "--max-age", "1").stdout
    assert "[1] is older than 1 days: mark it (old)" in told
    edit("brief.md", "Report. Office.", "Report (old). Office.")(tmp_path)
    assert (
        "[1] is older" not in run(tmp_path, "check_brief.py", "brief.md", "--max-age", "1").stdout
    )


def test_a_survey_shows_intervals_groups_and_hides_few(tmp_path: Path):
    survey(tmp_path)
    told = run(
        tmp_path, "survey_stats.py", "answers.csv", "--column", "Happy", "--by", "Plan"
    ).stdout
    assert re.search(
        r"paid: mean 4\.\d\d \[.*\], difference from the others 2\.\d\d \[.*holds among", told
    )
    many = run(
        tmp_path, "survey_stats.py", "answers.csv", "--column", "Uses", "--multi", ";"
    ).stdout
    shares = [float(one) for one in re.findall(r": (\d+\.\d)%", many)]
    assert sum(shares) > 110
    rows(tmp_path / "few.csv", ("a",), *[("x",)] * 30, *[("y",)] * 3)
    assert "y: fewer than 5" in run(tmp_path, "survey_stats.py", "few.csv").stdout


@pytest.mark.slow
def test_groups_without_a_difference_raise_no_alarm(tmp_path: Path):
    alarms = 0
    for seed in range(20):
        random_ = random.Random(seed)
        lines = [(random_.choice("abcd"), str(random_.randint(1, 5))) for _ in range(160)]
        rows(tmp_path / "s.csv", ("group", "score"), *lines)
        words = ("survey_stats.py", "s.csv", "--column", "score", "--by", "group")
        alarms += "this holds among all" in run(tmp_path, *words).stdout
    assert alarms <= 4


def test_values_far_from_their_like_are_pointed_out(tmp_path: Path):
    lines = [fact(f"land{n}", str(1000 + n), f"{1000 + n} people") for n in range(6)]
    odd = fact("oddland", "1000000", "1000000 people")
    rows(tmp_path / "t.csv", FACT, *lines, odd, odd)
    told = run(tmp_path, "check_table.py", "t.csv").stdout
    assert "look again: oddland" in told
    assert "oddland, population, 2025 stands in rows [8, 9]" in told


# ---- followed by the daemon ----


@pytest.mark.slow
def test_the_offline_model_follows_a_skill_with_its_script_and_its_check(hermes: Hermes):
    values = backups(hermes.workspace)
    words = "/database-backup-check " + " ".join(f"{key}: {one}" for key, one in values.items())
    told = json.loads(hermes.ok("--offline", "-z", words, "--json"))
    assert told["outcome"] == "done"
    assert "orders: 500 rows live, 500 in the backup" in told["answer"]
    assert "0 errors" in told["answer"]
    with closing(sqlite3.connect(hermes.workspace / "copy.db")) as copy, copy:
        copy.execute("DELETE FROM orders WHERE id > 400")
    told = json.loads(hermes.run("--offline", "-z", words, "--json").stdout)
    assert "401 in the backup" in told["answer"]
    assert "failed" in told["answer"]


# ---- found by what people say, none of it a quotation of the description ----

ASKED = [
    ("training-run-triage", "after 3000 steps my loss suddenly shows NaN, what happened?"),
    ("training-run-triage", "the finetuning run stopped getting better, look at its loss log"),
    ("dataset-split-check", "did any of the test rows end up in the training file?"),
    ("dataset-split-check", "divide these patients into train and test without leakage"),
    ("model-comparison", "checkpoint 2 scores 71.3 and checkpoint 1 has 70.1, is that luck?"),
    ("model-comparison", "are the two models' scores on this benchmark significantly different?"),
    ("experiment-table", "gather the results of the 40 runs of last week's hyperparameter sweep"),
    ("experiment-table", "which learning rate was best across my training runs and seeds?"),
    ("model-memory-budget", "can I run this 14B model with 32k context on a 24 GB GPU?"),
    ("model-memory-budget", "how much VRAM for a LoRA of the model in config.json?"),
    ("chat-dataset-check", "turn the ShareGPT conversations in data.jsonl into messages"),
    ("chat-dataset-check", "is this SFT jsonl fit for training, are the roles right?"),
    ("model-file-check", "somebody sent me a .ckpt checkpoint, can I load it safely?"),
    ("model-file-check", "safetensors file from the hub does not open, is it truncated?"),
    ("dockerfile-review", "our docker image is 3 GB, make it smaller"),
    ("dockerfile-review", "is anything wrong with this Dockerfile before we ship the container?"),
    ("server-log-triage", "the site returned 502 all night, here is the nginx access.log"),
    ("server-log-triage", "which errors are in syslog and when did they begin?"),
    ("ci-failure-triage", "the GitHub Actions job is red, tell me why from job.log"),
    ("ci-failure-triage", "our pipeline broke on main, which step failed first?"),
    ("systemd-unit", "I want my bot to start at boot on the Ubuntu server"),
    ("systemd-unit", "replace the cron entry by a systemd timer"),
    ("tls-certificate-check", "curl says unable to get local issuer certificate"),
    ("tls-certificate-check", "does key.pem belong to fullchain.pem, and how long is it valid?"),
    ("database-backup-check", "can last night's dump of app.db really be restored?"),
    ("database-backup-check", "make a copy of the sqlite database while the program is running"),
    ("incident-timeline", "put app.log, nginx.log and the chat export in order of time"),
    ("incident-timeline", "we need a postmortem of yesterday's outage"),
    ("citation-check", "I fear the LLM invented some references in paper.md"),
    ("citation-check", "clean the bibtex file of my thesis, keys are missing"),
    ("claim-check", "does the report really say what this article claims?"),
    ("claim-check", "fact check speech.md against the documents in sources/"),
    ("paper-notes", "read attention.pdf and write down method and results with page numbers"),
    ("paper-notes", "I need notes on this study for my literature folder"),
    ("reproduction-log", "run analysis.py so that we can repeat it next year"),
    ("reproduction-log", "do I get the same result as in the experiment of March?"),
    ("web-research-brief", "find out what is known about sodium batteries, with sources"),
    ("web-research-brief", "write me a market overview of e-bike makers from the web"),
    ("survey-statistics", "evaluate the customer feedback questionnaire in answers.csv"),
    ("survey-statistics", "how happy are the departments in the poll, with confidence intervals"),
    ("sourced-data-table", "collect the population of the EU countries, a source for each value"),
    ("sourced-data-table", "compile a comparison table of ten phones from their data sheets"),
    ("training-run-triage", "warum wird mein Loss NaN, das Training divergiert"),
    ("model-comparison", "ist der Unterschied zwischen den Modellen signifikant?"),
    ("dockerfile-review", "revisar el Dockerfile por favor"),
    ("tls-certificate-check", "wann läuft das Zertifikat von shop.example.org ab?"),
    ("citation-check", "vérifier la bibliographie de mon mémoire"),
    ("survey-statistics", "帮我分析问卷的结果"),
    ("server-log-triage", "分析服务器日志,网站报502"),
    ("web-research-brief", "recherchiere das bitte im Netz und nenne Quellen"),
]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(Home(tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize(("name", "words"), ASKED, ids=[words[:40] for _, words in ASKED])
def test_it_is_among_the_first_three(library: Library, name: str, words: str):
    skill = library.get(name)
    assert skill is not None
    if missing := [
        one for one in str(skill.metadata["hermes-needs"]).split() if not shutil.which(one)
    ]:
        pytest.skip(f"hidden here: {missing} is not installed")
    assert name in [found.name for found in library.matches(words, 3)]


@pytest.mark.parametrize(("name", "words"), ASKED, ids=[words[:40] for _, words in ASKED])
def test_the_requests_do_not_quote_the_description(library: Library, name: str, words: str):
    skill = library.get(name)
    assert skill is not None
    runs = re.findall(r"(?=\b((?:\w+\W+){4}\w+))", words.lower())
    assert not [part for part in runs if part in skill.description.lower()]
