"""Destination brevo: Brevo's API v3, formerly Sendinblue.

How Brevo works, as its SDK (brevo-python 5.1.0) and its developer guides say it:

- A contact can be written to as soon as it exists. There is no "subscribed": only
  ``emailBlacklisted`` and ``smsBlacklisted``, false by default. So nobody is created without a
  permitted channel, and an address whose channel isn't permitted is not sent.
- **Changing the e-mail address of a blocklisted contact lifts the blocklisting** (SDK,
  ``update_contact``). An address is therefore changed alone, between two looks at the
  blocklisting, and never by an import. Whether an import lifts it too isn't documented: an
  import may only create (``updateExistingContacts`` is false), and whoever is there is updated
  by calls whose effect is documented.
- Nobody can tell from the API who blocklisted a contact. What this run did itself it may undo;
  anything else counts as the person's own no, and is never lifted.
- Values of unknown or ill-typed attributes are silently dropped, and an import answers only
  "accepted": attributes are declared first, and everything is read back.
- An import ignores empty values, so what has to be forgotten goes by ``/contacts/batch``.
- An import needs a list: the setting ``lists`` must have ``*``.
- Deleting a contact leaves no suppression behind, as far as is known. The ledger's own
  fingerprints keep an erased person out.
- 10 calls a second for contacts and events, 5 for orders, and 100 an HOUR for everything else,
  jobs and tasks among it; a refused call says in ``x-sib-ratelimit-reset`` how long to wait.
"""

from target_shopcrm.destinations.brevo.destination import Brevo

__all__ = ["Brevo"]
