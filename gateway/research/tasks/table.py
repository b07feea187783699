"""Every task, by its name."""

from __future__ import annotations

from gateway.research.tasks import clean_data, debug_flaky, find_in_logs, fix_bugs, write_tests
from gateway.research.tasks.base import Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        fix_bugs.TASK,
        write_tests.TASK,
        debug_flaky.TASK,
        clean_data.TASK,
        find_in_logs.TASK,
    )
}
