"""Work beside the main thread: the next page, or many small requests at once.

The threads are daemons, so an interrupted run ends at once instead of waiting for answers
that nobody will read; the executors of the standard library would wait.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


def start(function: Callable[[], R]) -> Callable[[], R]:
    """Begin a call now.

    Returns:
        A function that waits for the result, and raises what the call raised.
    """
    future: Future[R] = Future()
    threading.Thread(target=_run, args=(future, function), daemon=True).start()
    return future.result


def each(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Call a function for each item, several at once.

    Args:
        function: What to call; it must be safe to call from several threads.
        items: What to call it with.
        workers: How many calls may be under way at once.

    Yields:
        The results in the items' order; a call that raised raises here.
    """
    tasks: list[tuple[Future[R], T]] = [(Future(), item) for item in items]
    remaining = iter(tasks)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                task = next(remaining, None)
            if task is None:
                return
            future, item = task
            _run(future, lambda item=item: function(item))  # type: ignore[misc]
            if future.exception() is not None:
                return

    for _ in range(min(workers, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    for future, _ in tasks:
        yield future.result()


def _run(future: Future[R], function: Callable[[], R]) -> None:
    """Call, and hand over whatever comes of it."""
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
        future.set_exception(error)
