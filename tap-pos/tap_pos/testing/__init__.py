"""Helpers for tests of this tap, of vendors somebody adds to it, and of what stands behind it.

* `sync` runs the tap in this process and collects its messages;
* `fake` is what the fakes of all vendors share, `fakes` has one per vendor;
* `conformance` is the life of a shop, acted out at any vendor's fake.
"""

from tap_pos.testing.fake import Answer, Request
from tap_pos.testing.fakes.square import ScriptedSquare, refusal
from tap_pos.testing.run import Synced, sync

__all__ = ["Answer", "Request", "ScriptedSquare", "Synced", "refusal", "sync"]
