"""Tryton, series 8.2, over JSON-RPC, with its modules `marketing_email` and (for orders) `sale`.

Where the facts come from: a running Tryton 8.2 and its source. The tests run the same scenarios
against that server and against the fake.

How Tryton works, and where it bites:

* **Errors come with HTTP 200**, as ``{"error": ["UserError", ...]}``. Only a wrong password, an
  ended session and an unknown method or database have a status of their own.
* **A call is one transaction**: one record that is refused rolls back all of them. So a refused
  batch is halved until the culprit stands alone.
* **A customer is a party.** Its `code` is unique and is our id. Two parties may have the same
  e-mail address, so nobody is adopted; parties that staff *replaced* by another are followed.
* **Consent is a subscription**: a `marketing.email` of an address on a list, active or not. To be
  on a list is to be mailed, so only somebody on the list of everybody is put on another one.
* **Searches leave out what isn't active** unless `active` is asked for: an opt-out would look as
  if it weren't there, and be created again.
* **What isn't active can't be changed**, not even by the call that makes it active. Customers
  whom staff archived are brought back first, in a call of its own.
* **Who ended a subscription shows in `write_uid`**: 0 is the person's own click, our user is our
  own withdrawal. An inactive subscription that was never changed is one that the person hasn't
  confirmed yet. Hence Tryton needs a user that only we sign in with.
* **An inactive subscription can't be created**, so an address that was never on a list is left
  alone when it is withdrawn: without a subscription nobody mails it.
* **International domains** may be stored in letters or in ASCII, depending on what else is
  installed on the server; both are searched for.
* **Long answers are called gzip even when they aren't**, unless the call says it takes gzip.
* **Orders stay drafts.** Nothing invoices or ships a draft, and it can be changed and erased.
  Confirming one would bill a second time what the register has sold.
* **A party that something points at can't be deleted.** Its drafts are deleted first; where an
  invoice or a confirmed sale has to stay, the party is emptied, as Tryton's own *erase* does.
"""

from __future__ import annotations

from target_shopcrm.destinations.tryton.destination import Tryton

__all__ = ["Tryton"]
