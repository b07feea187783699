"""Whether requests are byte prefixes of one another, as a provider's prompt cache sees them."""

from __future__ import annotations

from collections.abc import Sequence

_END = b"]}"


def breaks(requests: Sequence[tuple[str, bytes]]) -> list[int]:
    """Indices of the requests (session, body) which do not extend their session's one before.

    A body ends with its messages, `…]}`; to extend it is to hold the same bytes up to there, or
    to be the same request again.
    """
    broken: list[int] = []
    before: dict[str, bytes] = {}
    for index, (session, body) in enumerate(requests):
        if session in before and not extends(body, before[session]):
            broken.append(index)
        before[session] = body
    return broken


def extends(body: bytes, earlier: bytes) -> bool:
    if not (body.endswith(_END) and earlier.endswith(_END)):
        return False
    return body == earlier or body.startswith(earlier.removesuffix(_END) + b",")


def checkpoints_fit(steps: Sequence[tuple[str, str, bool, bytes]], mark: str) -> bool:
    """Whether each checkpoint's first request lies between its session's run requests.

    steps: (session, kind, opens, body) in order. Without its last message, which starts with
    `mark`, the checkpoint's request extends the run's request before it (or is equal to it), and
    the run's next request extends that.
    """
    fits = [_fits(steps, index, mark) for index, step in enumerate(steps) if step[2]]
    return bool(fits) and all(fits)


def _fits(steps: Sequence[tuple[str, str, bool, bytes]], index: int, mark: str) -> bool:
    session, _, _, body = steps[index]
    head, found, _ = body.rpartition(b',{"role":"user","content":"' + mark.encode())
    shared = head + _END
    earlier = [raw for who, kind, _, raw in steps[:index] if (who, kind) == (session, "run")]
    later = [raw for who, kind, _, raw in steps[index + 1 :] if (who, kind) == (session, "run")]
    after_earlier = not earlier or extends(shared, earlier[-1])
    before_later = not later or extends(later[0], shared)
    return bool(found) and after_earlier and before_later
