"""One watchdog observer for every folder in which somebody may edit by hand."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from hermes_home.files import scratch

_log = logging.getLogger(__name__)
_QUIET = 0.15
"""Seconds a path must be left alone before it is reported."""
_ROOT_NAMES = frozenset({"config.yaml", "SOUL.md"})
_DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")
# Not FileModifiedEvent: it would wake us for each write of a database beside config.yaml.
_KINDS: list[type[events.FileSystemEvent]] = [
    *(events.FileCreatedEvent, events.FileClosedEvent, events.FileMovedEvent),
    *(events.FileDeletedEvent, events.DirCreatedEvent, events.DirMovedEvent),
    events.DirDeletedEvent,
]
if sys.platform != "linux":  # only inotify says when a file was closed
    _KINDS.append(events.FileModifiedEvent)

Callback = Callable[[set[Path]], None]
_Place = tuple[Path, bool, int, int]  # folder, with those below, device, inode

# Its thread says so when a folder comes, goes and comes again within a moment; nothing is lost.
warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)


@dataclass(eq=False, slots=True)
class _Subscription:
    """`place` is the folder's own name with links above it followed; `real` what it leads to."""

    folder: Path
    callback: Callback
    place: Path
    real: Path
    pending: dict[Path, float] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class Watcher:
    """Tells which files changed below the watched folders, on the event loop's thread.

    Below the home's root itself only config.yaml and SOUL.md count. `warnings` is for the owner.
    """

    def __init__(self, root: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.warnings: list[str] = []
        self._root = root
        self._loop = loop
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._observer: BaseObserver | None = None
        self._handler = _Handler(self._dispatch)
        self._watches: dict[_Place, ObservedWatch] = {}

    def watch(self, folder: Path, callback: Callback) -> None:
        """Call `callback` with the files and folders that changed in `folder`, which may come
        into being later, and go and come again. When it does, it is itself among the changes."""
        self._subscriptions += (_Subscription(folder, callback, folder, folder),)
        if self._observer:
            self._follow()

    def start(self) -> None:
        try:
            self._observer = Observer()
            self._observer.start()
        except OSError as error:
            self._observer = None
            self._warn(error)
        else:
            self._follow()

    def stop(self) -> None:
        """End and join the threads. What was not reported yet is not reported."""
        if self._observer:
            self._observer.stop()
            self._observer.join()
        self._observer = None
        self._watches.clear()
        for subscription in self._subscriptions:
            if subscription.timer:
                subscription.timer.cancel()

    def _follow(self) -> None:
        """Watch exactly what there is to watch now."""
        if self._observer is None:
            return
        for each in self._subscriptions:
            each.place = each.folder.parent.resolve() / each.folder.name
            each.real = each.folder.resolve()
        wanted = {place for each in self._subscriptions for place in self._places(each)}
        for place in self._watches.keys() - wanted:
            self._observer.unschedule(self._watches.pop(place))
        for place in wanted - self._watches.keys():
            try:
                self._watches[place] = self._observer.schedule(
                    self._handler, str(place[0]), recursive=place[1], event_filter=_KINDS
                )
            except FileNotFoundError:
                self._loop.call_later(_QUIET, self._follow)
            except OSError as error:
                self._warn(error)

    def _places(self, subscription: _Subscription) -> list[_Place]:
        """The folder, and the one above it, where its coming and going shows."""
        if subscription.folder == self._root:
            return _place(subscription.real, below=False)
        nearest = subscription.place.parent
        while not (above := _place(nearest, below=False)) and nearest != nearest.parent:
            nearest = nearest.parent
        return _place(subscription.real, below=True) + above

    def _dispatch(self, path: Path) -> None:
        """On the observer's thread."""
        for each in self._subscriptions:
            itself = each.place.is_relative_to(path) or each.real.is_relative_to(path)
            if itself and each.folder != self._root:
                self._loop.call_soon_threadsafe(self._moved, each)
            elif path.is_relative_to(each.real) and self._counts(path, each):
                changed = each.folder / path.relative_to(each.real)
                self._loop.call_soon_threadsafe(self._note, each, changed)

    def _counts(self, path: Path, subscription: _Subscription) -> bool:
        parts = path.relative_to(subscription.real).parts
        if subscription.folder == self._root:
            return len(parts) == 1 and parts[0] in _ROOT_NAMES
        scratched = any(part == ".git" or scratch(part) for part in parts)
        return not scratched and not path.name.endswith(_DATABASES)

    def _moved(self, subscription: _Subscription) -> None:
        self._follow()
        self._note(subscription, subscription.folder)

    def _note(self, subscription: _Subscription, path: Path) -> None:
        subscription.pending[path] = self._loop.time() + _QUIET
        if subscription.timer is None and self._observer:
            subscription.timer = self._loop.call_later(_QUIET, self._deliver, subscription)

    def _deliver(self, subscription: _Subscription) -> None:
        now, pending = self._loop.time(), subscription.pending
        ready = {path for path, due in pending.items() if due <= now}
        for path in ready:
            del pending[path]
        subscription.timer = None
        if pending:
            wait = min(pending.values()) - now
            subscription.timer = self._loop.call_later(wait, self._deliver, subscription)
        if ready:
            subscription.callback(ready)

    def _warn(self, error: OSError) -> None:
        text = (
            f"edits by hand are noticed only at the next start: {error.strerror}; "
            "on Linux raise fs.inotify.max_user_watches and max_user_instances"
        )
        if text not in self.warnings:
            _log.warning(text)
            self.warnings.append(text)


class _Handler(events.FileSystemEventHandler):
    def __init__(self, dispatch: Callable[[Path], None]) -> None:
        self._dispatch_path = dispatch

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        for path in {event.src_path, event.dest_path}:
            if path:
                self._dispatch_path(Path(os.fsdecode(path)))


def _place(folder: Path, *, below: bool) -> list[_Place]:
    try:
        found = folder.stat()
    except OSError:
        return []
    return [(folder, below, found.st_dev, found.st_ino)] if folder.is_dir() else []
