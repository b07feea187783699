"""Checks a systemd service or timer file for what `systemd-analyze verify` lets pass."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_SHELL = re.compile(r"(?:^|\s)(?:&&|\|\|?|>>?|2>&1|<|;)(?=\s|$)|\$\(|`")
_RUNS = ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecReload")
_SECRET = re.compile(r"(?i)(?:passw|secret|token|api_?key)\w*=\S")
_HARDENING = ("NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp")

SEARCHED = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")

Unit = dict[str, dict[str, list[str]]]
"""Section -> key -> values, in the order of the file."""


def parsed(text: str) -> Unit:
    """The sections of a unit; an empty value clears the ones before, as systemd has it."""
    unit: Unit = {}
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            unit.setdefault(section, {})
        elif "=" in line and section:
            key, _, value = line.partition("=")
            values = unit[section].setdefault(key.strip(), [])
            if value.strip():
                values.append(value.strip())
            else:
                values.clear()
    return unit


def found(root: Path, program: str) -> bool:
    """Whether a program is there; one without a folder is looked for where systemd does."""
    places = [""] if program.startswith("/") else SEARCHED
    return any((root / f"{place}/{program}".lstrip("/")).exists() for place in places)


def commands(unit: Unit, root: Path) -> Iterator[str]:
    service = unit.get("Service", {})
    for key in _RUNS:
        for value in service.get(key, []):
            command = value.lstrip("-@:+!|")
            program = command.split()[0] if command.split() else ""
            named_shell = re.search(r"(?:^|/)(?:ba|da|z)?sh\s+-\w*c\s", command)
            if _SHELL.search(re.sub(r'"[^"]*"|\'[^\']*\'', "", command)) and not named_shell:
                yield f"ERROR {key}: no shell reads this (/bin/sh -c '…' would): {command[:80]}"
            if "/" in program and program[0] not in "/%" or program.startswith("~"):
                yield f"ERROR {key}: {program} is no absolute path"
            elif program and program[0] != "%" and not found(root, program):
                level = "warn" if value.startswith("-") else "ERROR"
                yield f"{level} {key}: {program} is not there"
            if re.search(r"(?<!%)%(?![a-zA-Z%])|date \+\S*(?<!%)%[A-Zdmy]", command):
                yield f"ERROR {key}: write %% for a percent sign"


def service(unit: Unit) -> Iterator[str]:
    told = unit.get("Service", {})
    if not told:
        yield "ERROR there is no [Service]"
        return
    yield from starting(told)
    yield from surroundings(told)
    if not told.get("User") and not told.get("DynamicUser"):
        yield "warn neither User= nor DynamicUser=: it runs as root (fine for a user unit)"
    if missing := [f"{key}=" for key in _HARDENING if not told.get(key)]:
        yield f"warn not set: {', '.join(missing)}"


def starting(told: dict[str, list[str]]) -> Iterator[str]:
    kind = (told.get("Type") or ["simple"])[-1]
    restart = (told.get("Restart") or ["no"])[-1]
    if kind == "oneshot":
        if restart in ("always", "on-success"):
            yield f"ERROR Restart={restart} is refused for Type=oneshot"
        return
    if len(told.get("ExecStart", [])) != 1:
        yield "ERROR it needs one ExecStart; only Type=oneshot may have another number"
    if restart == "no":
        yield "warn Restart= is not set: it stays down after a crash"
    if kind == "forking" and not told.get("PIDFile"):
        yield "warn Type=forking without PIDFile: systemd guesses; better in the foreground"


def surroundings(told: dict[str, list[str]]) -> Iterator[str]:
    for value in told.get("Environment", []):
        if _SECRET.search(value):
            yield "ERROR Environment= shows a secret to everybody: use LoadCredential="
        if re.match(r"[A-Za-z_]\w*=[^\"'\s]+\s+[^=\s]+$", value):
            yield f"ERROR Environment={value}: quote it, the words after the blank are lost"
    for value in told.get("WorkingDirectory", []):
        if not value.startswith(("/", "~", "%", "-/")):
            yield f"ERROR WorkingDirectory={value} is no absolute path"


def wiring(unit: Unit, timed: bool) -> Iterator[str]:
    head, install = unit.get("Unit", {}), unit.get("Install", {})
    after, wants = (
        " ".join(head.get("After", [])),
        " ".join(head.get("Wants", []) + head.get("Requires", [])),
    )
    if "network-online.target" in after and "network-online.target" not in wants:
        yield "warn After=network-online.target alone does not start it: add Wants="
    for key in ("StartLimitIntervalSec", "StartLimitBurst"):
        if key in unit.get("Service", {}):
            yield f"ERROR {key}= belongs into [Unit]"
    if "Install" not in unit and not timed:
        yield "warn no [Install]: `systemctl enable` does nothing; right only if a timer starts it"
    elif "Install" in unit and not any(map(install.get, ("WantedBy", "RequiredBy", "Also"))):
        yield "ERROR [Install] has no WantedBy="


def timer(unit: Unit) -> Iterator[str]:
    told = unit.get("Timer", {})
    when = [key for key in told if key.startswith("On")]
    if not when:
        yield "ERROR [Timer] has no OnCalendar= or other time"
    for value in told.get("OnCalendar", []):
        if shutil.which("systemd-analyze"):
            done = _run("systemd-analyze", "calendar", value)
            if done.returncode:
                yield f"ERROR OnCalendar={value}: {done.stderr.strip().splitlines()[-1]}"
        if re.match(r"(?:[\d*/,-]+\s+){4}[\d*/,-]+$", value):
            yield f"ERROR OnCalendar={value} is a cron line; write for example *-*-* 03:00:00"
    if "OnCalendar" in told and not told.get("Persistent"):
        yield "warn Persistent= is not set: a time missed while the machine was off is skipped"
    if not unit.get("Install", {}).get("WantedBy"):
        yield "ERROR a timer needs [Install] WantedBy=timers.target"


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def verified(path: Path) -> Iterator[str]:
    """What systemd itself says about this file; about others it is not asked."""
    if not shutil.which("systemd-analyze"):
        yield "warn systemd-analyze is not here: its own checks were not made"
        return
    for line in _run("systemd-analyze", "verify", "--man=no", str(path)).stderr.splitlines():
        if path.name in line and "is not executable: No such file" not in line:
            yield f"ERROR systemd: {line.strip()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="NAME.service or NAME.timer")
    parser.add_argument("--timed", action="store_true", help="a service that a timer starts")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where its programs lie")
    options = parser.parse_args()
    try:
        unit = parsed(options.file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read {options.file}: {error}\n")
        return 2
    if options.file.suffix == ".timer":
        findings = list(timer(unit))
    else:
        findings = [*commands(unit, options.root), *service(unit), *wiring(unit, options.timed)]
    findings += verified(options.file)
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    errors = sum(finding.startswith("ERROR") for finding in findings)
    sys.stdout.write(f"{errors} errors, {len(findings) - errors} warnings\n")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
