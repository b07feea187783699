"""The logs of `find_in_logs`: for each kind a question, files and the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from gateway.research.tasks.base import Files

Answer = dict[str, str | int | list[str]]
Drawn = tuple[str, Files, Answer]

LINES = 2_500
"""About how many lines an instance has."""

_START = datetime(2026, 3, 1, tzinfo=UTC)
_USERS = "amira bela chen dario elif farid greta hugo ines jonas kofi lena".split()
_PATHS = "/ /login /search /cart /orders /api/items /api/users /health".split()


def _at(seconds: float) -> str:
    return (_START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(draw: Random) -> str:
    return ".".join(str(draw.randint(1, 254)) for _ in range(4))


def logins(draw: Random) -> Drawn:
    """Many fail now and then; one account is got into after a long row of failures."""
    victim, attacker, failures = draw.choice(_USERS), _address(draw), draw.randint(6, 14)
    homes = {user: _address(draw) for user in _USERS}
    lines, row, now = list[str](), dict.fromkeys(_USERS, 0), 0
    begins, got_in = draw.randrange(800, LINES - 800), ""
    for number in range(LINES):
        now += draw.randint(1, 20)
        user = draw.choice([one for one in _USERS if one != victim or number < begins])
        good = row[user] >= 3 or draw.random() < 0.7
        row[user] = 0 if good else row[user] + 1
        lines.append(_login(now, user, homes[user], good=good))
        if number == begins:
            if row[victim]:
                lines.append(_login(now, victim, homes[victim], good=True))
            for _ in range(failures):
                now += draw.randint(1, 3)
                lines.append(_login(now, victim, attacker, good=False))
                lines.append(_login(now, user, homes[user], good=True))
            now += 2
            got_in = _at(now)
            lines.append(_login(now, victim, attacker, good=True))
    question = (
        "Somebody got into an account by trying passwords: find the account with at least five"
        " failed logins in a row, then a successful one, all from the same address. `at` is when"
        " that login succeeded, as it stands in the log."
    )
    answer: Answer = {"user": victim, "address": attacker, "failures": failures, "at": got_in}
    return question, {"logs/auth.log": "\n".join(lines) + "\n"}, answer


def _login(now: int, user: str, address: str, *, good: bool) -> str:
    return f"{_at(now)} login {'accepted' if good else 'failed'} user={user} from={address}"


def requests(draw: Random) -> Drawn:
    """A request passes some services; its time is from its first line to its last, anywhere."""
    services = ["edge", "auth", "store", "mail"]
    lines: dict[str, list[tuple[int, str]]] = {name: [] for name in services}
    ids = [f"{number:06x}" for number in draw.sample(range(16**6), LINES // 6)]
    slow, longest, path = draw.choice(ids), 9_000 + draw.randrange(999), list[str]()
    now = 0
    for id in ids:
        now += draw.randint(1, 400)
        passed = ["edge", *draw.sample(services[1:], draw.randint(1, 3))]
        spent = longest if id == slow else draw.randint(20, 8_500)
        times = sorted([0, spent, *draw.sample(range(1, spent), 2 * len(passed) - 2)])
        for at, service in enumerate(passed):
            for what, time in zip(("begin", "end"), times[2 * at : 2 * at + 2], strict=True):
                lines[service].append((now + time, f"request={id} {what}"))
        path = passed if id == slow else path
    files = {}
    for name, rows in lines.items():
        shown = [f"{_at(ms // 1000)[:-1]}.{ms % 1000:03}Z {text}" for ms, text in sorted(rows)]
        files[f"logs/{name}.log"] = "\n".join(shown) + "\n"
    question = (
        "Each service writes a line when it begins with a request and when it ends. Find the"
        " request that took longest, from its first line in any log to its last in any."
        " `services` are the ones it passed, in the order of time."
    )
    return question, files, {"request": slow, "milliseconds": longest, "services": path}


def deploys(draw: Random) -> Drawn:
    """Every version has some errors; one has many, most of them on one path."""
    versions = [f"2.{draw.randint(1, 9)}.{number}" for number in range(8)]
    bad, worst = draw.choice(versions[1:-1]), draw.choice(_PATHS[:-1])
    deployed, web = list[str](), list[str]()
    now = errors = 0
    for version in versions:
        now += 60
        deployed.append(f"{_at(now)} deployed {version}")
        for _ in range(LINES // len(versions)):
            now += draw.randint(1, 30)
            path = draw.choice(_PATHS)
            share = 0.02 if version != bad else 0.6 if path == worst else 0.05
            status = draw.choice((500, 502, 503)) if draw.random() < share else 200
            status = 404 if status == 200 and draw.random() < 0.1 else status
            errors += version == bad and status >= 500
            web.append(f"{_at(now)} {path} {status} {draw.randint(1, 900)}ms")
    question = (
        "After one deploy a larger share of requests failed with a status from 500 on than after"
        " any other, until the next deploy. `deploy` is that version, `errors` how many such"
        " requests there were until the next one, `path` the path with most of them."
    )
    files = {"logs/deploy.log": "\n".join(deployed) + "\n", "logs/web.log": "\n".join(web) + "\n"}
    return question, files, {"deploy": bad, "errors": errors, "path": worst}


def disks(draw: Random) -> Drawn:
    """All go up and down; one goes above 90 % and stays there."""
    hosts = [f"{name}{draw.randint(1, 9)}" for name in ("db", "web", "mail", "build", "cache")]
    full, turn = draw.choice(hosts), draw.randrange(150, 350)
    used = {host: draw.randint(40, 80) for host in hosts}
    lines, since, last = list[str](), "", 0
    for number in range(LINES // len(hosts)):
        for at, host in enumerate(hosts):
            now = 60 * number + at
            level = used[host] + draw.randint(-6, 7)
            if host == full and number >= turn:
                level = max(91, min(99, level))
                since, last = since or _at(now), level
            elif level > 90:
                level = 70  # a clean-up
            # A single peak is no trouble.
            peak = draw.random() < 0.01 and not (host == full and turn - 2 <= number)
            used[host] = max(20, level)
            lines.append(f"{_at(now)} host={host} disk={95 if peak else used[host]}%")
    question = (
        "One host's disk went above 90 % and never came back to 90 % or less. `at` is the first"
        " time of which that is true, as it stands in the log; `last` is its last value in percent."
    )
    return (
        question,
        {"logs/disk.log": "\n".join(lines) + "\n"},
        {"host": full, "at": since, "last": last},
    )


KINDS: dict[str, Callable[[Random], Drawn]] = {
    "logins": logins,
    "requests": requests,
    "deploys": deploys,
    "disks": disks,
}
