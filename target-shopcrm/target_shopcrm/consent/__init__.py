"""Consent: which facts may leave, for whom, and why not.

Consent belongs to an *address* (an e-mail address, a phone number) for a *channel* and a
*purpose* at one shop, never to a guess about who somebody is. What a vendor asserts becomes an
event in an append-only ledger; a verdict is a pure fold over the events of one key.

* `addresses` makes two spellings of one address equal.
* `events` are the words of the ledger; `verdicts` the words of the answer.
* `policy` is the shop's own file: which purposes need consent, which field needs which purpose.
* `assertions` turns a customer record into events, and notices that an address changed.
* `appending` keeps what is new information; `fold` answers for one key.
* `gate` answers for a whole record, field by field.

Nothing here knows SQL, HTTP or Singer, and nothing reads anything but the policy file: what
the ledger holds comes in through a callable.
"""
