"""The bundled skills for development: scripts and verifications on good and bad input."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bundled import Bundled

pytestmark = pytest.mark.slow

# -- bisect-regression --------------------------------------------------------------------------

CHECK = "import calc, sys; sys.exit(calc.half(4) != 2)"


@pytest.fixture
def broken(tmp_path: Path) -> tuple[Bundled, list[str]]:
    """A repository whose sixth commit of eight breaks `half`; the third cannot be loaded."""
    skill = Bundled("bisect-regression", tmp_path)
    skill.git("init", "-q", "-b", "main")
    good, bad = "def half(n):\n    return n // 2\n", "def half(n):\n    return n // 3\n"
    texts = [good, good, "def half(:\n", good, good, bad, bad, bad]
    return skill, [skill.commit(f"c{n}", calc_py=f"{t}# {n}\n") for n, t in enumerate(texts, 1)]


def test_the_first_bad_commit_is_found_beside_the_working_tree(broken: tuple[Bundled, list[str]]):
    skill, commits = broken
    (skill.at / "calc.py").write_text("in the middle of an edit")
    words = ("--good", commits[0], "--setup", "python3 -m py_compile calc.py", "--")
    done = skill.run("find_commit.py", *words, "python3", "-c", CHECK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[2].startswith(commits[5])
    assert done.stdout.count("left)") <= 3, "half of them at a time"
    assert (skill.at / "calc.py").read_text() == "in the middle of an edit"
    assert skill.git("worktree", "list").count("\n") == 0
    command = f'python3 -c "{CHECK}"'
    assert skill.verify({"HASH": commits[5], "COMMAND…": f"'{command}'"}).returncode == 0
    assert skill.verify({"HASH": commits[6], "COMMAND…": f"'{command}'"}).returncode == 1


def test_commits_that_cannot_be_tried_are_skipped_and_told(broken: tuple[Bundled, list[str]]):
    skill, commits = broken
    words = ("--good", commits[0], "--bad", commits[3], "--setup", "python3 -m py_compile calc.py")
    done = skill.run("find_commit.py", *words, "--", "grep", "-q", "# [12]", "calc.py")
    assert done.returncode == 0, done.stderr
    doubtful, found = done.stdout.splitlines()[-2:]
    assert doubtful.startswith(f"could not be tried, may be the one: {commits[2][:7]}")
    assert found.startswith(f"first bad: {commits[3]}")


@pytest.mark.parametrize(
    ("good", "command", "told"),
    [
        (0, ["false"], "should be good but was bad"),
        (0, ["true"], "should be bad but was good"),
        (0, ["no-such-program"], "cannot be run"),
        (0, ["sh", "-c", "exit 125"], "exits 125"),
        (None, ["true"], "say --good"),
    ],
)
def test_a_search_without_meaning_is_refused(
    broken: tuple[Bundled, list[str]], good: int | None, command: list[str], told: str
):
    skill, commits = broken
    ends = [] if good is None else ["--good", commits[good]]
    done = skill.run("find_commit.py", *ends, "--", *command)
    assert done.returncode == 2
    assert told in done.stderr


# -- flaky-test ---------------------------------------------------------------------------------


def test_how_often_a_test_fails_and_in_which_ways(tmp_path: Path):
    skill = Bundled("flaky-test", tmp_path)
    (tmp_path / "t.py").write_text(
        "import sys, pathlib\n"
        "seen = pathlib.Path('seen'); n = len(seen.read_text()) if seen.exists() else 0\n"
        "seen.write_text('x' * (n + 1))\n"
        "sys.exit(f'AssertionError: got {n}' if n % 4 == 3 else 0)\n"
    )
    done = skill.run("repeat.py", "--runs", "8", "--", "python3", "t.py")
    assert done.returncode == 1
    assert "2 of 8 runs failed (25%)" in done.stdout
    assert "== 2 times: exit 1: AssertionError: got N" in done.stdout
    (tmp_path / "seen").unlink()
    stopped = skill.run("repeat.py", "--runs", "8", "--stop", "--", "python3 t.py")
    assert "1 of 4 runs failed" in stopped.stdout


def test_what_is_varied_shows_what_a_failure_hangs_on(tmp_path: Path):
    skill = Bundled("flaky-test", tmp_path)
    zone = ("python3", "-c", "import time; assert time.timezone == 0")
    done = skill.run("repeat.py", "--runs", "4", "--vary", "zone", "--", *zone)
    assert (done.returncode, "with TZ=XXX" in done.stdout) == (1, True)
    assert skill.run("repeat.py", "--runs", "2", "--", *zone, TZ="UTC").returncode == 0
    meet = "touch $$.here; for n in $(seq 200); do set -- *.here; test $# -gt 1 && exit; sleep 0.05"
    both = ("sh", "-c", f"{meet}; done; exit 1")
    assert skill.run("repeat.py", "--runs", "2", "--together", "2", "--", *both).returncode == 0
    assert skill.run("repeat.py", "--runs", "1", "--", "no-such-program").returncode == 2
    late = skill.run("repeat.py", "--runs", "1", "--timeout", "0.2", "--", "sleep", "5")
    assert "exit 124" in late.stdout


def test_sixty_green_runs_prove_something_one_red_does_not(tmp_path: Path):
    skill = Bundled("flaky-test", tmp_path)
    good = skill.verify(test="true")
    assert (good.returncode, "less than 5.0% of runs" in good.stdout) == (0, True)
    assert skill.verify(test="test $$ -lt 2").returncode == 1


# -- untested-code ------------------------------------------------------------------------------

MODULE = '''"""Prices."""


def price(count: int) -> int:
    """Cents."""
    if count < 0:
        raise ValueError(count)
    if count > 10:
        return count * 90
    return count * 100


def unused() -> None:
    print("never")
'''


def test_lines_no_test_runs_are_told_by_function(tmp_path: Path):
    skill = Bundled("untested-code", tmp_path)
    (tmp_path / "prices.py").write_text(MODULE)
    test = "import unittest, prices\n\nclass T(unittest.TestCase):\n    def test_one(self):\n"
    (tmp_path / "test_prices.py").write_text(test + "        assert prices.price(2) == 200\n")
    words = ("prices.py", "--", "-m", "unittest", "-q", "test_prices")
    done = skill.run("lines.py", *words)
    assert done.returncode == 0, done.stderr
    assert "not run: price: lines 7, 9" in done.stdout
    assert "not run: unused: lines 14" in done.stdout
    tests = {"module": "prices.py", "tests": "-m unittest -q test_prices"}
    assert skill.verify(**tests).returncode == 1
    more = "        self.assertRaises(ValueError, prices.price, -1)\n"
    more += "        assert prices.price(11) == 990\n        prices.unused()\n"
    (tmp_path / "test_prices.py").write_text(test + more)
    assert skill.verify(**tests).returncode == 0
    (tmp_path / "test_prices.py").write_text(test + more + "        prices.price('a')\n")
    assert skill.verify(**tests).returncode == 3, "the tests themselves fail"
    assert skill.run("lines.py", "prices.py", "--", "-m", "unittest", "-q", "json").returncode == 2


# -- config-check -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("a.json", '{"a": 1, "b": [true]}', ""),
        ("a.json", '{"a": 1,\n "b": 2,}', "a.json:2: syntax"),
        ("a.json", '{"a": {"b": 1},\n "a": 2}', "a.json:2: twice: 'a'"),
        ("a.json", '{\n// no\n"a": 1}', "JSON has no comments"),
        ("a.toml", 'a = 1\n[b]\nc = "x"\n', ""),
        ("a.toml", "a = 1\na = 2\n", "a.toml:2: syntax"),
        ("a.ini", "[a]\nb = 1\n", ""),
        ("a.ini", "[a]\nb = 1\nb = 2\n", "a.ini:3: twice"),
        ("a.ini", "b = 1\n", "syntax"),
        (".env", "A=1\n# c\nexport B='two words'\n", ""),
        (".env", "A = 1\n", ".env:1: syntax: A has a space beside its ="),
        (".env", "A=two words\n", "A has a space and no quotes"),
        (".env", "A='x\n", "the quotes of A are not closed"),
        (".env", "A=1\nA=2\n", ".env:2: twice"),
        ("a.yaml", "a: x\nb:\n  - c: 1\n    d: 2\n  - c: 3\ne: |\n  no: 012\n", ""),
        ("a.yaml", "a:\n  b: 1\nc:\n  b: 1\n", ""),
        ("a.yaml", "a:\n  b: 1\n  b: 2\n", "a.yaml:3: twice: 'b'"),
        ("a.yaml", "a: x\na: y\n", "a.yaml:2: twice"),
        ("a.yaml", "lang: no\n", "a.yaml:1: value: 'lang': no is read as true or false"),
        ("a.yaml", "lang: 'no' # no\n", ""),
        ("a.yaml", "python: 3.10\n", "loses its last zero"),
        ("a.yaml", "- 22:30\n", "is read as minutes and seconds"),
        ("a.yaml", "mode: 0644\n", "in base 8"),
        ("a.yaml", "on:\n  push: x\n", "the key on is read as true or false"),
        ("a.yaml", "a:\n\tb: 1\n", "a.yaml:2: syntax: is indented with a tab"),
        ("a.yaml", "a: b: c\n", "holds ': ' and no quotes"),
    ],
)
def test_what_a_config_holds_wrong_is_found(tmp_path: Path, name: str, text: str, finding: str):
    skill = Bundled("config-check", tmp_path)
    (tmp_path / name).write_text(text)
    done = skill.verify(file=name)
    assert done.returncode == bool(finding), done.stdout
    assert finding in done.stdout


def test_a_config_is_held_against_its_example(tmp_path: Path):
    skill = Bundled("config-check", tmp_path)
    (tmp_path / "like.toml").write_text("port = 1\n[log]\nlevel = 'x'\nfile = 'y'\n")
    (tmp_path / "a.json").write_text('{"port": "1", "log": {"levl": "x", "file": "z"}}')
    told = skill.run("check_config.py", "a.json", "--like", "like.toml")
    assert told.stdout.splitlines() == [
        "a.json: missing: log.level",
        "a.json: type: port is a text, the example has a number",
        "a.json: unknown: log.levl; did you mean level?",
    ]
    (tmp_path / "a.json").write_text('{"port": 2, "log": {"level": "a", "file": "z"}}')
    assert skill.run("check_config.py", "a.json", "--like", "like.toml").returncode == 0
    assert skill.run("check_config.py", "none.json").returncode == 2


# -- api-smoke-test -----------------------------------------------------------------------------


class Shop(BaseHTTPRequestHandler):
    """Items by number, kept in the class; `broken` answers 500 to what is no JSON."""

    items: list[str]
    broken = False

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        word = self.path.rpartition("/")[2]
        if self.path == "/items":
            self._answer(200, {"items": self.items})
        elif word.isdigit() and int(word) < len(self.items):
            self._answer(200, {"id": int(word), "name": self.items[int(word)]})
        else:
            self._answer(404, {"error": "no such item"})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except ValueError:
            self._answer(500 if self.broken else 400, {"error": "no JSON"})
            return
        self.items.append(body["name"])
        self._answer(201, {"id": len(self.items) - 1, "name": body["name"]})


@pytest.fixture
def shop() -> Iterator[tuple[type[Shop], str]]:
    kind = type("ThisShop", (Shop,), {"items": ["tea"]})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


CASES = [
    {"name": "list", "path": "/items", "status": 200, "json": {"items": "list", "items.0": "=tea"}},
    {"name": "make", "path": "/items", "body": {"name": "jam"}, "status": 201, "keep": {"n": "id"}},
    {"name": "read", "path": "/items/{n}", "status": 200, "json": {"id": "number", "name": "=jam"}},
    {"name": "none", "path": "/items/99", "status": [404, 410], "header": {"Content-Type": "json"}},
    {"name": "no JSON", "path": "/items", "raw": "{", "send": {"X-Key": "$KEY"}, "status": 400},
]


def test_an_api_is_judged_by_its_answers(shop: tuple[type[Shop], str], tmp_path: Path):
    kind, base = shop
    skill = Bundled("api-smoke-test", tmp_path)
    (tmp_path / "smoke.json").write_text(json.dumps(CASES))
    done = skill.verify(cases="smoke.json", base=base)
    assert done.returncode == 0, done.stdout
    kind.broken = True
    failed = skill.run("smoke.py", "smoke.json", "--base", base, KEY="s3cret")
    assert failed.returncode == 1
    assert "FAILED no JSON: 500" in failed.stdout
    assert "curl -i -X POST" in failed.stdout
    assert "s3cret" not in failed.stdout, "secrets are not shown"


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ({"path": "/items", "status": 201}, "status 200, expected 201"),
        ({"path": "/items", "status": 200, "json": {"items": "text"}}, 'items is ["tea"]'),
        ({"path": "/items", "status": 200, "json": {"count": "any"}}, "count is missing"),
        ({"path": "/items", "status": 200, "header": {"X-A": "b"}}, "header X-A is None"),
        ({"path": "/items", "status": 200, "within": 0.0}, "took"),
    ],
)
def test_each_expectation_can_fail(
    shop: tuple[type[Shop], str], tmp_path: Path, case: dict[str, object], fault: str
):
    skill = Bundled("api-smoke-test", tmp_path)
    (tmp_path / "smoke.json").write_text(json.dumps([case]))
    done = skill.verify(cases="smoke.json", base=shop[1])
    assert (done.returncode, fault in done.stdout) == (1, True), done.stdout


def test_cases_that_mean_nothing_and_a_server_that_is_not_there(tmp_path: Path):
    skill = Bundled("api-smoke-test", tmp_path)
    file = tmp_path / "smoke.json"
    for text in ("[]", "{", '[{"path": "/"}]', '[{"path": "/", "status": 200, "jsno": {}}]'):
        file.write_text(text)
        assert skill.verify(cases="smoke.json", base="http://127.0.0.1:9").returncode == 2
    file.write_text(json.dumps(CASES[:1]))
    done = skill.verify(cases="smoke.json", base="http://127.0.0.1:9")
    assert (done.returncode, "no answer" in done.stdout) == (1, True)


# -- sqlite-review ------------------------------------------------------------------------------

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users(id), sum REAL);
CREATE INDEX by_user ON orders (user);
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Bundled, sqlite3.Connection]]:
    database = sqlite3.connect(tmp_path / "shop.db")
    database.executescript(SCHEMA)
    database.executemany("INSERT INTO users VALUES (?, ?)", [(n, f"u{n}") for n in range(300)])
    rows = [(n, n % 300, n / 2) for n in range(900)]
    database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    database.commit()
    with closing(database):
        yield Bundled("sqlite-review", tmp_path), database


def test_a_sound_database_has_no_findings(store: tuple[Bundled, sqlite3.Connection]):
    skill, _ = store
    done = skill.verify(file="shop.db")
    assert (done.returncode, "0 faults, 0 pieces" in done.stderr) == (0, True), done.stdout
    assert "orders: 900 rows (id INTEGER, user INTEGER, sum REAL)" in done.stdout


@pytest.mark.parametrize(
    ("change", "finding", "fault"),
    [
        ("DELETE FROM users WHERE id = 7", "orphan: 3 rows of orders point to rows of users", True),
        ("DROP INDEX by_user", "index: orders(user) refers to another table", False),
        ("CREATE INDEX two ON orders (user, sum)", "doubled: the index by_user is the", False),
        (
            "UPDATE users SET name = x'00' WHERE id < 5",
            "mixed: users.name TEXT holds 5 blob",
            False,
        ),
        ("CREATE TABLE log (line TEXT)", "key: log has no primary key", False),
    ],
)
def test_what_is_wrong_with_a_database_is_found(
    store: tuple[Bundled, sqlite3.Connection], change: str, finding: str, fault: bool
):
    skill, database = store
    database.execute(change)
    database.commit()
    before = (skill.at / "shop.db").read_bytes()
    done = skill.verify(file="shop.db")
    assert (done.returncode, finding in done.stdout) == (fault, True), done.stdout
    assert skill.run("review_db.py", "shop.db", "--strict").returncode == 1
    assert (skill.at / "shop.db").read_bytes() == before


def test_queries_that_read_whole_tables_are_told(store: tuple[Bundled, sqlite3.Connection]):
    skill, _ = store
    queries = (
        "SELECT * FROM orders WHERE user = ?;\nSELECT * FROM orders WHERE sum > ? ORDER BY sum"
    )
    (skill.at / "q.sql").write_text(queries)
    told = skill.run("review_db.py", "shop.db", "--queries", "q.sql").stdout
    assert "query 2 reads orders whole" in told
    assert "query 2 sorts apart" in told
    assert "query 1 reads" not in told
    (skill.at / "q.sql").write_text("SELECT nothing FROM orders")
    assert skill.run("review_db.py", "shop.db", "--queries", "q.sql").returncode == 1
    (skill.at / "text.db").write_text("no database " * 100)
    assert skill.verify(file="text.db").returncode == 2


# -- safe-rename --------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Bundled:
    skill = Bundled("safe-rename", tmp_path)
    skill.git("init", "-q", "-b", "main")
    skill.commit(
        "start",
        src__a_py="def load_user(): ...\nload_user()\npreload_user = load_users = 1\n",
        src__b_py="from src.a import load_user\nLOAD_USER = 'load-user'\n",
        README_md="Call `load_user`.\n",
        src__load_user_py="",
    )
    (tmp_path / "blob.bin").write_bytes(b"\0load_user")
    skill.commit("more")
    return skill


def test_a_rename_takes_whole_words_and_proves_it(project: Bundled):
    planned = project.step(2, old="load_user", new="fetch_user")
    assert planned.returncode == 0
    for line in (
        "    2 src/a.py",
        "file: src/load_user.py",
        "spelling: LOAD_USER 1 times in src/b.py",
        "spelling: load-user 1 times in src/b.py",
        "inside: preload_user 1 times",
        "4 places in 3 files",
    ):
        assert line in planned.stdout
    assert project.verify(old="load_user", new="fetch_user").returncode == 1
    applied = project.run("rename.py", "apply", "load_user", "fetch_user", "--also", "LOAD_USER")
    assert applied.stdout == "5 places in 3 files changed\n"
    project.git("mv", "src/load_user.py", "src/fetch_user.py")
    assert project.verify(old="load_user", new="fetch_user").returncode == 0
    text = (project.at / "src" / "b.py").read_text()
    assert text == "from src.a import fetch_user\nFETCH_USER = 'load-user'\n"
    assert "preload_user = load_users" in (project.at / "src" / "a.py").read_text()
    assert (project.at / "blob.bin").read_bytes() == b"\0load_user"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("README.md", "Call `load_user`.\n", "left: load_user in README.md:1"),
        ("README.md", "Call it.\n", "stood in 4 places, now in 3"),
        ("src/b.py", "from src.a import fetch_user)\n", "broken: src/b.py"),
    ],
)
def test_a_rename_that_is_not_whole_is_told(project: Bundled, file: str, text: str, told: str):
    assert project.run("rename.py", "apply", "load_user", "fetch_user").returncode == 0
    (project.at / file).write_text(text)
    done = project.verify(old="load_user", new="fetch_user")
    assert (done.returncode, told in done.stdout) == (1, True), done.stdout


def test_a_clash_and_a_choice_of_files(project: Bundled):
    clash = project.run("rename.py", "plan", "load_user", "load_users")
    assert (clash.returncode, "clash: load_users is 1 times" in clash.stdout) == (1, True)
    only = ("--only", "src/*", "--except", "src/b.py")
    assert project.run("rename.py", "apply", "load_user", "x_y", *only).stdout.startswith(
        "2 places"
    )
    checked = project.run("rename.py", "check", "load_user", "x_y", "--only", "src/a.py")
    assert checked.returncode == 0, checked.stdout
    assert project.run("rename.py", "apply", "load_user", "x", "--also", "other").returncode == 2
    assert project.run("rename.py", "apply", "nowhere", "x").returncode == 1


# -- profile-python -----------------------------------------------------------------------------

SLOW = """def find(n):
    return sum(n in list(range(300)) for _ in range(9000))

print(find(299))
"""
SLOWER = SLOW.replace("range(300)", "range(1000)")
FAST = "print(9000)\n"


def test_a_profile_names_the_costly_function(tmp_path: Path):
    skill = Bundled("profile-python", tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    done = skill.step(2, script="slow.py")
    assert (done.returncode, done.stdout) == (0, "9000\n"), done.stderr
    assert "slow.py:1 find" in done.stderr
    assert "wall" in done.stderr
    waiting = tmp_path / "wait.py"
    waiting.write_text("import sys, time\ntime.sleep(0.3)\nsys.exit(len(sys.argv))\n")
    waited = skill.run("profile_top.py", "--memory", "wait.py", "a")
    assert (waited.returncode, "it mostly waits" in waited.stderr) == (2, True)
    assert "memory: peak" in waited.stderr
    assert skill.run("profile_top.py", "none.py").returncode == 2


@pytest.mark.parametrize(
    ("after", "exit", "told"),
    [
        (FAST, 0, "times as fast"),
        (SLOWER, 1, "times as fast"),
        ("print(901)\n", 1, "they print different things"),
        ("import random\nprint(random.random())\n", 1, "something else each time"),
        ("raise SystemExit(3)\n", 1, "after failed with exit 3"),
    ],
)
def test_faster_means_the_same_output_sooner(tmp_path: Path, after: str, exit: int, told: str):
    skill = Bundled("profile-python", tmp_path)
    (tmp_path / "before.py").write_text(SLOW)
    (tmp_path / "after.py").write_text(after)
    words = {'--before "CMD"': '--before "python3 before.py" --runs 2'}
    words['--after "CMD"'] = '--after "python3 after.py"'
    done = skill.verify(words)
    assert (done.returncode, told in done.stdout + done.stderr) == (exit, True), done.stderr
