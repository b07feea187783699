"""Counting in several threads at once."""

from __future__ import annotations

import threading
import time


class Counter:
    """Counts by name; may be used by several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def add(self, name: str, by: int = 1) -> None:
        """Count on, and tell whoever listens to slow counters."""
        with self._lock:
            count = self._counts.get(name, 0)
            time.sleep(0)
            self._counts[name] = count + by

    def counts(self) -> dict[str, int]:
        """What was counted so far, by name in order."""
        with self._lock:
            return dict(sorted(self._counts.items()))


def count(words: list[str], threads: int) -> dict[str, int]:
    """How often each word stands in the list, counted by so many threads."""
    counter = Counter()

    def work(part: list[str]) -> None:
        for word in part:
            counter.add(word)

    workers = [threading.Thread(target=work, args=(words[at::threads],)) for at in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return counter.counts()
