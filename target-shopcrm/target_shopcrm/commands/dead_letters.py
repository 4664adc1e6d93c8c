"""``shopcrm dead-letters``: what couldn't be delivered, why, and what to do with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from target_shopcrm.commands.shared import (
    Command,
    json_option,
    moment,
    prepared_database,
    refuse,
    rim,
    show,
    show_json,
    table,
)
from target_shopcrm.database.letter_box import LetterBox, Which

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_shopcrm.database.letter_box import Letter

_STEP = re.compile(r"[^.\[\]]+")


@click.group("dead-letters")
def dead_letters() -> None:
    """List, drop or put back what couldn't be delivered."""


def _filters(command: Command) -> Command:
    for name, meaning in (("stream", "of one stream"), ("destination", "of one destination")):
        command = click.option(f"--{name}", help=f"Only those {meaning}.")(command)
    return command


def _selection(command: Command) -> Command:
    """Which letters a command is about: some by number, or all (of a destination or stream)."""
    everything = click.option("--all", "all_of_them", is_flag=True, help="All there are.")
    ids = click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
    return ids(_filters(everything(command)))


@dead_letters.command("list")
@_filters
@click.option("--values", is_flag=True, help="Show the values too; they can be personal.")
@json_option
@rim
def list_letters(
    *, destination: str | None, stream: str | None, values: bool, as_json: bool
) -> None:
    """Show what couldn't be delivered, which field was wrong, and since when."""
    with _letter_box() as box:
        letters = box.letters(Which(None, destination, stream))
        records = box.records([letter.id for letter in letters]) if values else {}
    if as_json:
        show_json([_for_programs(letter, records) for letter in letters])
    elif not letters:
        click.echo("There are no dead letters.")
    else:
        headings = ("ID", "Meant for", "Record", "What is wrong", "Since", "Run")
        rows = [_for_people(letter) for letter in letters]
        show(table("Dead letters", headings, rows, text_columns=len(headings)))
        if values:
            held = [(str(each.id), _value(each, records.get(each.id))) for each in letters]
            show(table("What stood there", ("ID", "Value"), held, text_columns=2))


@dead_letters.command("drop")
@_selection
@click.option("--yes", is_flag=True, help="Drop them all without being asked again.")
@json_option
@rim
def drop(  # noqa: PLR0913 - one parameter per option
    *,
    ids: tuple[int, ...],
    all_of_them: bool,
    destination: str | None,
    stream: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Throw dead letters away for good: their records aren't needed, or come again anyway."""
    with _letter_box() as box:
        letters = _selected(box, ids, Which(None, destination, stream), all_of_them=all_of_them)
        if all_of_them and letters and not yes:
            refuse(
                f"This would drop {_counted(len(letters))} for good; look at them with"
                " 'shopcrm dead-letters list', then repeat this with --yes."
            )
        dropped = box.drop([letter.id for letter in letters])
    if as_json:
        show_json({"dropped": [letter.id for letter in letters]})
    else:
        click.echo(f"{_counted(dropped)} {'is' if dropped == 1 else 'are'} dropped.")


class _Sorted(NamedTuple):
    """Letters by whether delivering them again can be of any use."""

    sound: list[Letter]
    forgotten: list[Letter]
    unreadable: list[Letter]


@dead_letters.command("replay")
@_selection
@json_option
@rim
def replay(
    *,
    ids: tuple[int, ...],
    all_of_them: bool,
    destination: str | None,
    stream: str | None,
    as_json: bool,
) -> None:
    """Put dead letters back, for the next run into their destination to deliver.

    They pass the gate like everything else. What is still wrong comes back as a dead letter.
    """
    with _letter_box() as box:
        letters = _selected(box, ids, Which(None, destination, stream), all_of_them=all_of_them)
        found = _sorted(letters, box.records([letter.id for letter in letters]))
        box.put_back([letter.id for letter in found.sound])
    takers = Counter(letter.destination for letter in found.sound)
    if as_json:
        ids_of = {name: [each.id for each in part] for name, part in found._asdict().items()}
        show_json(
            {
                "put_back": ids_of["sound"],
                "not_kept": ids_of["forgotten"],
                "not_readable": ids_of["unreadable"],
                "next_runs": dict(takers),
            }
        )
        return
    for line in _told(found, takers):
        click.echo(line)


@contextmanager
def _letter_box() -> Iterator[LetterBox]:
    """The letters; what was done with them is committed at the end, unless something failed."""
    with prepared_database() as connection:
        yield LetterBox(connection)
        connection.commit()


def _selected(
    box: LetterBox, ids: Sequence[int], which: Which, *, all_of_them: bool
) -> list[Letter]:
    if all_of_them == bool(ids):
        refuse("Say which dead letters are meant: their numbers, or --all.")
    if all_of_them:
        return box.letters(which)
    letters = box.letters(which._replace(ids=tuple(ids)))
    missing = sorted(set(ids) - {letter.id for letter in letters})
    if missing:
        refuse(
            f"There is no dead letter {missing[0]} (any more); nothing was changed:"
            " 'shopcrm dead-letters list' shows what there is."
        )
    return letters


def _sorted(letters: Sequence[Letter], records: dict[int, bytes]) -> _Sorted:
    found = _Sorted([], [], [])
    for letter in letters:
        record = records.get(letter.id)
        if record is None:
            found.forgotten.append(letter)
        elif _is_json(record):
            found.sound.append(letter)
        else:
            found.unreadable.append(letter)
    return found


def _is_json(record: bytes) -> bool:
    """Whether the run could read it: of a line that wasn't JSON the line itself is kept."""
    try:
        msgspec.json.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _told(found: _Sorted, takers: Counter[str]) -> Iterator[str]:
    if not any(found):
        yield "There are no dead letters to put back."
    for destination, number in sorted(takers.items()):
        are, them = ("is", "it") if number == 1 else ("are", "them")
        yield (
            f"{_counted(number)} {are} put back: the next run into {destination} sends {them},"
            " if the gate lets it."
        )
    if found.forgotten:
        yield (
            f"{_counted(len(found.forgotten))} can't be put back, because the contents are only"
            " kept for a while: read the source again."
        )
    if found.unreadable:
        yield (
            f"{_counted(len(found.unreadable))} can't be put back, because the text itself is"
            " broken and would fail again: correct it where it comes from."
        )


def _for_programs(letter: Letter, records: dict[int, bytes]) -> dict[str, Any]:
    told = letter._asdict()
    if letter.id in records:
        told["value"] = _value(letter, records[letter.id])
        told["record"] = records[letter.id].decode("utf-8", "replace")
    return told


def _for_people(letter: Letter) -> tuple[str, ...]:
    wrong = f"{letter.field}: {letter.reason}" if letter.field else letter.reason
    return (
        str(letter.id),
        letter.destination,
        f"{letter.stream} {_key(letter)}",
        f"{wrong} (put back for the next run)" if letter.replay_requested_at else wrong,
        moment(letter.first_seen_at),
        str(letter.first_run_id)[:8],
    )


def _key(letter: Letter) -> str:
    """Shop and record; PostgreSQL doesn't keep the order of the two."""
    names = sorted(letter.key, key=lambda name: name != "shop_id")
    return "/".join(letter.key[name] or "?" for name in names)


def _value(letter: Letter, record: bytes | None) -> str:
    """What stood in the field at fault, or the whole record where no field is known."""
    if record is None:
        return "not kept any more"
    text = record.decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False)
        for step in _STEP.findall(letter.field):
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (ValueError, LookupError, TypeError):
        return text
    return json.dumps(value, ensure_ascii=False) if letter.field else text


def _counted(letters: int) -> str:
    return "1 dead letter" if letters == 1 else f"{letters} dead letters"
