"""HubSpot, API version 2026-03, through the token of a private app.

How it works: contacts, orders and tasks are objects with properties, written 100 per call. What
a person may be sent is kept apart from the contact, by e-mail address, and for e-mail only.

Its traps, and what is done about them (sources: HubSpot's object guide, its subscription guide,
and its published OpenAPI descriptions of 2026-03):

* A batch that is keyed by `email` fails as a whole, and a merge changes record ids. So we key on
  a unique property of our own, `pos_customer_id`; a record id is only ever used right after it
  was read.
* One bad input fails its batch unless every input has its own `objectWriteTraceId`; the guide
  promises that for creating, its specification shows the same fields for upserting. Accounts that
  fail the whole batch all the same are sent ever smaller parts of it.
* Nobody has to have subscribed: as long as the account's data privacy settings are off, a contact
  with an address may be written to unless it was unsubscribed. So an address is only in HubSpot
  while writing to it is permitted.
* Any property may enrol a contact in a workflow. Who may not be written to has none of the
  properties a workflow would be built on.
* Consent in batches belongs to Marketing Hub Enterprise. Whether the account has it is found out
  by asking once; without it each person costs calls of their own.
* The subscription endpoint would lift a person's own unsubscribe. We only ever say that somebody
  subscribed after reading that no later opt-out stands.
* Many writes in a short time are answered by 423 Locked, which asks for two seconds of patience.
* Archiving can be undone for 90 days, so it is no erasure; only the GDPR deletion is one.
* Neither orders nor events can be marked as history, and a workflow may start from both.
"""

from __future__ import annotations

from target_shopcrm.destinations.hubspot.destination import HubSpot

__all__ = ["HubSpot"]
