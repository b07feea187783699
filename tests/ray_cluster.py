"""A batch on a Ray cluster that loses a node. Not collected by itself, for Ray is 200 MB; with the
extra `ray` installed:

    python -m pytest tests/ray_cluster.py
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.hermes import ROOT, Hermes
from tests.model_server import ModelServer
from tests.test_batch_kills import Batch, batch, effects, rows_of

__all__ = ["batch", "effects"]

PROMPTS, NODES, SLOTS = 60, 2, 2
PATIENCE = 300.0


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without room for workers. On its nodes Hermes can be imported."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    try:
        yield made
    finally:
        made.shutdown()


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")
def test_a_lost_node_loses_nothing_and_doubles_nothing(
    batch: Batch, effects: Path, cluster: Any, hermes: Hermes, model_server: ModelServer
) -> None:
    nodes = [cluster.add_node(num_cpus=SLOTS) for _ in range(NODES)]
    cluster.wait_for_nodes()
    hermes.environment["RAY_ADDRESS"] = cluster.address
    ids = batch.write(PROMPTS)
    process = batch.start("--engine", "ray", "--workers", str(NODES * SLOTS))
    deadline = time.monotonic() + PATIENCE
    while batch.done() < PROMPTS // 4:
        assert process.poll() is None, batch.said()
        assert time.monotonic() < deadline, batch.said()
        time.sleep(0.05)
    cluster.remove_node(nodes[0], allow_graceful=False)
    assert process.wait(PATIENCE) == 0, batch.said()

    rows = rows_of(batch.folder, "SELECT id, state, attempt FROM prompts ORDER BY id")
    assert [row[0] for row in rows] == ids
    assert Counter(row[1] for row in rows) == {"done": PROMPTS}
    anew = {id: attempt for id, _, attempt in rows if attempt > 1}
    assert 1 <= len(anew) <= SLOTS, anew
    assert max(anew.values()) == 2
    for id in ids:
        told = json.loads((batch.folder / f"session_{id}.json").read_text())
        calls = [call for step in told["trajectory"] for call in step["tool_calls"]]
        assert (told["prompt"]["attempt"], len(calls)) == (anew.get(id, 1), 5)
        left = Counter((effects / id).read_text().split())
        assert max(left.values()) <= anew.get(id, 1), f"{id}: {left}"
        assert len(left) == 5
    assert len(list(batch.folder.glob("session_*"))) == PROMPTS
