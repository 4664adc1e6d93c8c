"""What must and what must never be allowed, replayed naively from everything ever said.

Written against the rules in words, not against the fold: it keeps every statement of every
reading, drops nothing, and walks the profiles instead of the ledger. Where the rules leave the
choice (does an undated "no" that is read again count again?) it gives a lower and an upper
bound: `must_deny` takes the reading most friendly to the grant, `must_allow` the least.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from consent_world import Reading, Said
    from target_shopcrm.consent.events import ConsentEvent, Key

LONGEST = timedelta(days=731)  # 24 months, at most
SHORTEST = timedelta(days=730)


class No(NamedTuple):
    """Somebody said no about an address."""

    time: datetime
    turn: int
    by: str | None
    is_dated: bool
    is_first: bool


class Yes(NamedTuple):
    """A grant that its own profile still stands by; it may say itself when it ends."""

    time: datetime
    turn: int
    is_dated: bool
    until: datetime | None = None


@dataclass
class Word:
    """What one source says in one profile at its present address."""

    last: str = "nothing"
    grants: list[Yes] = field(default_factory=list)


@dataclass
class Seat:
    """Where a profile is on one channel, and what it said since it came there."""

    address: str
    since: datetime | None
    ended: bool = False
    words: dict[tuple[str, str], Word] = field(default_factory=dict)
    purchases: list[datetime] = field(default_factory=list)


class Truth:
    """Everything that was ever delivered."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.turn = 0
        self.versions: dict[str, datetime] = {}
        self.seats: dict[tuple[str, str], Seat] = {}
        self.noes: dict[tuple[str, str, str], list[No]] = {}
        self.first_seen: dict[tuple[str, ...], tuple[datetime, int]] = {}
        self.desk: dict[tuple[str, str, str], list[tuple[Yes, datetime]]] = {}
        self.asked: dict[tuple[str, str, str], datetime] = {}
        self.left: dict[tuple[str, str, str], datetime] = {}

    def hear(self, reading: Reading) -> None:
        """One reading of one profile was delivered."""
        self.turn += 1
        who = reading.customer_id
        newest = self.versions.get(who, reading.updated_at)
        is_stale = reading.updated_at < newest
        self.versions[who] = max(newest, reading.updated_at)
        for channel in ("email", "sms"):
            seat = self.seats.get((who, channel))
            address = reading.address(channel)
            said = [one for one in reading.consents if one.channel == channel]
            if is_stale or reading.ended:
                places = {address, seat.address if seat else None} - {None}
                for place in places:
                    self._hear_noes(str(place), who, said)
                if reading.ended and not is_stale and seat is not None:
                    self._leave(who, channel, seat, reading.updated_at)
                    seat.words.clear()
                    seat.ended = True
                continue
            if seat is None and address is not None:
                seat = self.seats[who, channel] = Seat(address, None)
            elif seat is not None and address is not None and seat.address != address:
                self._carry(channel, who, seat.address, address, reading.updated_at)
                self._leave(who, channel, seat, reading.updated_at)
                seat = self.seats[who, channel] = Seat(address, reading.updated_at)
            if seat is not None:
                seat.ended = False
                self._hear_noes(seat.address, who, said)
                self._hear_words(seat, who, said, has_address=address is not None)

    def tell(self, event: ConsentEvent) -> None:
        """Somebody told the desk something about an address; no profile is involved."""
        self.turn += 1
        place = (event.channel, event.address, event.purpose)
        time = event.event_time or event.observed_at
        if event.state == "withdrawn":
            dated = event.event_time is not None
            before = self.noes.setdefault(place, [])
            before.append(No(time, self.turn, None, dated, not _has_undated(before, None)))
        elif event.state == "pending":
            self.asked[place] = max(event.observed_at, self.asked.get(place, event.observed_at))
        else:
            seen = self._seen(("desk", *place, str(event.event_time)), event.observed_at)
            yes = Yes(min(time, seen[0]), seen[1], is_dated=True, until=event.valid_until)
            self.desk.setdefault(place, []).append((yes, event.observed_at))

    def buy(self, who: str, at: datetime) -> None:
        """Somebody bought something, and was known by the addresses the profile has."""
        for (customer, _), seat in self.seats.items():
            if customer == who:
                seat.purchases.append(at)

    def _leave(self, who: str, channel: str, seat: Seat, at: datetime) -> None:
        """What was bought until then counts no more at the address."""
        place = (who, channel, seat.address)
        self.left[place] = max([at, *seat.purchases, self.left.get(place, at)])
        seat.purchases.clear()

    def _seen(self, act: tuple[str, ...], observed_at: datetime) -> tuple[datetime, int]:
        time, turn = self.first_seen.get(act, (observed_at, self.turn))
        self.first_seen[act] = (min(time, observed_at), turn)
        return self.first_seen[act]

    def _carry(self, channel: str, who: str, left: str, entered: str, moved: datetime) -> None:
        for purpose in ("marketing", "profiling"):
            for no in self.noes.get((channel, left, purpose), []):
                if no.by in {None, who}:
                    time = no.time if no.is_dated else moved
                    there = self.noes.setdefault((channel, entered, purpose), [])
                    is_first = no.is_first and not _has_undated(there, no.by)
                    there.append(No(time, self.turn, no.by, no.is_dated, is_first))

    def _hear_noes(self, address: str, who: str, said: list[Said]) -> None:
        for one in said:
            if one.state != "withdrawn":
                continue
            place = (one.channel, address, one.purpose)
            is_first = not any(no.by == who for no in self.noes.get(place, []))
            self.noes.setdefault(place, []).append(
                No(
                    one.event_time or one.observed_at,
                    self.turn,
                    who,
                    one.event_time is not None,
                    is_first,
                )
            )

    def _hear_words(self, seat: Seat, who: str, said: list[Said], *, has_address: bool) -> None:
        for one in said:
            word = seat.words.setdefault((one.source, one.purpose), Word())
            dated = one.event_time is not None
            if one.state == "given" and not has_address:
                continue
            is_void = seat.since is not None and (
                one.event_time is None or one.event_time <= seat.since
            )
            if one.state == "given" and not is_void:
                act = (who, one.source, one.channel, one.purpose, seat.address, str(one.event_time))
                seen, turn = self._seen(act, one.observed_at)
                time = min(one.event_time or one.observed_at, seen if dated else one.observed_at)
                if dated or word.last != "given":
                    word.grants.append(Yes(time, turn if dated else self.turn, dated))
                word.last = "given"
            elif one.state == "pending":
                word.grants.clear()
                word.last = "waiting" if word.last == "given" else word.last
            elif one.state != "withdrawn":
                word.grants.clear()
                word.last = "void" if one.state == "given" else one.state

    def _standing(self, key: Key) -> list[Yes]:
        here = [
            seat
            for (_, channel), seat in self.seats.items()
            if channel == key.channel and seat.address == key.address and not seat.ended
        ]
        holding_none = {
            source
            for seat in here
            for (source, purpose), word in seat.words.items()
            if purpose == key.purpose and word.last == "unknown"
        }
        return self._of_desk((key.channel, key.address, key.purpose)) + [
            grant
            for seat in here
            for (source, purpose), word in seat.words.items()
            if purpose == key.purpose and source not in holding_none
            for grant in word.grants
        ]

    def has_yes_after(self, key: Key, instant: datetime) -> bool:
        """Whether somebody agreed, with a date, later than at an instant."""
        return any(yes.is_dated and yes.time > instant for yes in self._standing(key))

    def _of_desk(self, place: tuple[str, str, str]) -> list[Yes]:
        """What the desk was told since it last asked for a confirmation.

        Told twice about one act, and once that it ends earlier, it takes the earlier end.
        """
        asked_at = self.asked.get(place)
        told = [
            yes
            for yes, observed_at in self.desk.get(place, [])
            if asked_at is None or observed_at > asked_at
        ]
        return [
            yes._replace(
                until=min(
                    (one.until for one in told if one.turn == yes.turn and one.until),
                    default=None,
                )
            )
            for yes in told
        ]

    def bought(self, key: Key, *, surely: bool) -> list[datetime]:
        """When customers at the address bought something, which may count for marketing.

        Args:
            key: what is asked.
            surely: only what counts however strictly the rules are read.
        """
        if key.purpose != "marketing" or self.noes.get((key.channel, key.address, key.purpose)):
            return []
        return [
            at
            for (who, channel), seat in self.seats.items()
            if (channel, seat.address) == (key.channel, key.address)
            for at in seat.purchases
            if not surely or (not seat.ended and self._is_since(at, (who, channel, seat.address)))
        ]

    def _is_since(self, at: datetime, place: tuple[str, str, str]) -> bool:
        return place not in self.left or at > self.left[place]

    def must_deny(self, key: Key, at: datetime) -> bool:
        """Whether no grant stands, read as kindly for the grants as the rules can be."""
        noes = self.noes.get((key.channel, key.address, key.purpose), [])

        def is_denied(yes: Yes) -> bool:
            if at >= min(yes.time + LONGEST, yes.until or at + LONGEST):
                return True
            return any(
                not yes.is_dated
                or (no.time >= yes.time and (no.is_dated or no.is_first or no.turn >= yes.turn))
                for no in noes
            )

        return all(is_denied(yes) for yes in self._standing(key))

    def must_allow(self, key: Key, at: datetime) -> bool:
        """Whether a grant stands however strictly the rules are read."""
        noes = self.noes.get((key.channel, key.address, key.purpose), [])
        return any(
            at < min(yes.time + SHORTEST, yes.until or at + SHORTEST)
            and all(yes.is_dated and no.time < yes.time for no in noes)
            for yes in self._standing(key)
        )


def _has_undated(noes: list[No], by: str | None) -> bool:
    return any(no.by == by and not no.is_dated for no in noes)
