"""Helpers for tests of this tap and of what stands behind it.

* `sync` runs the tap in this process and collects its messages;
* `ScriptedSquare` is a small Square whose data and faults a test writes down itself, for
  situations that a realistic shop never gets into.
"""

from tap_pos.testing.run import Synced, sync
from tap_pos.testing.scripted_square import Answer, ScriptedSquare

__all__ = ["Answer", "ScriptedSquare", "Synced", "sync"]
