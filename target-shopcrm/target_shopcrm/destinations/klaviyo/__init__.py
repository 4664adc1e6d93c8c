"""Klaviyo, by its API revision 2026-07-15.

Where the facts come from: Klaviyo's OpenAPI file of that revision, and its bulk import guide
where a fact concerns clearing. What nobody documents is guarded against, and said so.

How Klaviyo works, and where it bites:

* **A profile with an address is mailed by default.** "Can receive" means only "isn't suppressed";
  nobody has to have agreed. So an address is sent only while its channel is permitted.
* **Nearly everything is merely accepted** (202): imports, subscriptions, deletions and events. An
  import is a job to be polled; the others are proven by reading.
* **Subscribe lifts opt-outs silently**, and may start a double opt-in mail. It is sent as a
  historical import, with the time of consent, and never to an address that said no since.
* **Unsubscribe with a list id** unsubscribes everybody who isn't on that list from everything.
  No list is ever named.
* **Bulk import ignores null.** Custom properties are cleared by `unset`, built-in ones one
  profile at a time.
* **An event creates and changes profiles** and starts flows. It is sent for profiles that were
  just found, by their id alone, and as backfill where it is history.
* **One repeated `unique_id` fails the whole request** of up to 1,000 events.
* **Consent sits on the profile, not on the address**, or so it must be assumed: what becomes of
  it when the address changes isn't documented. See `imports`.
"""

from __future__ import annotations

from target_shopcrm.destinations.klaviyo.destination import Klaviyo

__all__ = ["Klaviyo"]
