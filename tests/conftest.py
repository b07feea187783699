"""Shared fixtures: a fresh home for each test, and asyncio for coroutine tests."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pluggy
import pytest

from hermes_home.paths import Home
from tests.clock import Clock
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.patient import Owner

pytest.register_assert_rewrite("tests.home_checks")
# The same generated cases each time, so that a change is judged by itself; soak draws others.
hypothesis.settings.register_profile("suite", derandomize=True)
hypothesis.settings.load_profile("default" if os.environ.get("HERMES_SOAK") else "suite")


def pytest_configure() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored; the commands under test
    would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


ALL_SLOW = re.compile(r"^pytestmark = (?:\[[^\]]*|.*)\bpytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where slow tests are left out a file of nothing else need not be imported."""
    if config.option.markexpr == "not slow" and collection_path.suffix == ".py":
        return bool(ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has a bound of its own takes longest: it begins first, so as not to run alone at the
    end."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, pluggy.Result[pytest.TestReport], None]:
    """In CI everything a test needs is installed, so a test that is skipped there has failed."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, home or proxy of the person running the tests reaches them."""
    for name in ("HERMES_HOME", "HERMES_PROFILE", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty folder as a home; nothing is seeded."""
    root = tmp_path / "home"
    root.mkdir()
    return Home(root)


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A scripted model on loopback; set its `script`."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def hermes(tmp_path: Path) -> Iterator[Hermes]:
    """The hermes command with a home of its own; its daemon ends with the test."""
    workspace = tmp_path / "work"
    workspace.mkdir()
    command = Hermes(tmp_path / "home", workspace)
    yield command
    command.close()


@pytest.fixture
def owner(hermes: Hermes) -> Iterator[Owner]:
    """The owner of that home, who starts its daemons; the last one ends with the test."""
    with closing(Owner(hermes)) as owner:
        yield owner


@pytest.fixture
def clock() -> Clock:
    return Clock()
