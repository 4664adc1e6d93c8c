"""One slow shop holds up nobody."""

from __future__ import annotations

import threading

from tap_pos.asked_once import asked_once


class Shop:
    """Asks its register for a word, and may be kept waiting."""

    def __init__(self, answers: threading.Event) -> None:
        self._answers = answers
        self.asked = 0

    @asked_once
    def word(self) -> str:
        """The word."""
        self.asked += 1
        assert self._answers.wait(10)
        return "tea"


def test_a_value_is_worked_out_once_per_object() -> None:
    open_at_once = threading.Event()
    open_at_once.set()
    one, other = Shop(open_at_once), Shop(open_at_once)
    assert [one.word, one.word, other.word] == ["tea"] * 3
    assert (one.asked, other.asked) == (1, 1)


def test_an_object_that_waits_does_not_hold_up_another() -> None:
    slow, quick = threading.Event(), threading.Event()
    quick.set()
    waiting = Shop(slow)
    thread = threading.Thread(target=lambda: waiting.word, daemon=True)
    thread.start()
    try:
        assert Shop(quick).word == "tea"
        assert waiting.asked == 1 or thread.is_alive()
    finally:
        slow.set()
        thread.join(10)
