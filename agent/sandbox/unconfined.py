"""Commands as they are: the sibling for what the owner lets out, and where nothing confines."""

from __future__ import annotations

from agent.sandbox.places import INSIDE, PYTHON
from agent.sandbox.served import Launch, ServedSandbox


class Unconfined(ServedSandbox):
    """Still below one server process, so that what tools started can be told and ended."""

    name = "none"
    confined = False

    def launch(self, control: int) -> Launch:
        return Launch([str(PYTHON), "-I", "-S", str(INSIDE), str(control)])
