"""Consent: which facts may leave, for whom, and why not.

Consent belongs to an *address* (an e-mail address, a phone number) for a *channel* and a
*purpose* at one shop, never to a guess about who somebody is. What a vendor asserts becomes an
event in an append-only ledger; a verdict is a pure fold over the events of one key.

* `addresses` makes two spellings of one address equal.
* `events` are the words of the ledger; `verdicts` the words of the answer.
* `policy` is the shop's own file: which purposes need consent, which field needs which purpose.
* `assertions` turns a customer record into events, and notices that an address changed;
  `implied` does the same with purchases, where the law takes one for a yes.
* `appending` keeps what is new information; `fold` answers for one key, and `grounds` says what
  a grant has to rest on.
* `gate` answers for a whole record, field by field.
* `sending` says when a message may go out: `clocks` reads the recipient's clock, `whereabouts`
  says which one that is.
* `records` writes an event as a consent record that others can read.

Nothing here knows SQL, HTTP or Singer, and nothing reads anything but the policy file: what
the ledger holds comes in through a callable.
"""
