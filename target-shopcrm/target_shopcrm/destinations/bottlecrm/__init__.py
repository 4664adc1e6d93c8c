"""BottleCRM (django-crm on PyPI), version 1.35.0.

Where the facts come from: a running BottleCRM 1.35.0, its own OpenAPI file, and its source. The
tests run the same scenarios against that server and against the fake.

How BottleCRM works, and where it bites:

* **It knows no marketing consent**, only `do_not_call`. Consent is kept in two custom fields that
  `open` declares, `email_marketing` and `sms_marketing`: *subscribed*, *withdrawn* (the shop took
  the consent back) or *unsubscribed* (a person told the CRM no; staff picks it). Unset counts as
  no. They are lists to choose from, not checkboxes, because an empty checkbox would not say who
  emptied it.
* **A custom field that isn't declared, or is switched off, is dropped silently** (200). So they
  are looked at in `open`, and what was written is read back.
* **An answer of 500 can mean that it was done**: with its Redis down, BottleCRM commits a new
  contact and then fails. Blindly repeated, the call is refused as a duplicate, or doubles a
  contact that has no e-mail address. So nothing that creates is repeated unread.
* **E-mail addresses are unique** within the organisation, in any case. A contact that staff typed
  in by hand is adopted, consent untouched; one that belongs to another customer is not.
* **The list's `email` filter finds parts of addresses**, and puts them into access logs. It isn't
  used: contacts are found by `pos_customer_id`, or by reading the list.
* **Nothing can be asked for by the time of its change**, so reading opt-outs reads the whole
  list: one call for each 500 contacts. Nor is it known when a person opted out.
* **Contacts need a first and a last name**; where there is none, a placeholder stands in.
* **Deleting a contact leaves its tasks**, texts included. Our own are deleted with it.
* **A bad token is answered 403**, as a missing permission is.
* **Answers to PATCH are 200 without the contact**; only reading shows what became of it.
"""

from __future__ import annotations

from target_shopcrm.destinations.bottlecrm.destination import BottleCRM

__all__ = ["BottleCRM"]
