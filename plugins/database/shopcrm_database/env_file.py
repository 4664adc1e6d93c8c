"""DATABASE_URL: whose it is, and writing ours into the project's `.env`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dotenv import dotenv_values, set_key

from shopcrm_database import ports
from shopcrm_database.address import Address
from shopcrm_database.errors import WrongUsageError
from shopcrm_database.folder import HOST, PASSWORD_MARK, ROLE, DataFolder, give_to_owner

if TYPE_CHECKING:
    from pathlib import Path

KEY = "DATABASE_URL"


@dataclass(frozen=True)
class OtherDatabase:
    """A database that the user named.

    Attributes:
        url: Its address, password included.
        named_in: Where the user named it.
    """

    url: str
    named_in: str


def other_database(project: Path, folder: DataFolder) -> OtherDatabase | None:
    """The database that the environment or `.env` names, unless it is the embedded one."""
    candidates = [
        OtherDatabase(os.environ.get(KEY, ""), "the environment"),
        OtherDatabase(_in_file(project) or "", f"{project / '.env'}"),
    ]
    for candidate in candidates:
        if candidate.url.strip() and not _is_embedded(candidate.url, folder):
            return candidate
    return None


def write_url(project: Path, folder: DataFolder, port: int) -> list[str]:
    """Put the embedded database's address into `.env`.

    The file then holds a password, so that it is closed to other users, too.

    Args:
        project: The project folder.
        folder: The embedded database.
        port: Its port.

    Returns:
        What was done, as sentences; nothing if it was there already.
    """
    path = project / ".env"
    url = folder.url(port)
    if _in_file(project) == url:
        return []
    told = [f"{path} now holds its address as {KEY}."]
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        give_to_owner(path, folder.path)
    except FileExistsError:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            path.chmod(mode & 0o700)
            told.append(f"Since that is a password, {path} is now closed to other users.")
    before = path.stat()
    set_key(path, KEY, url, quote_mode="never", follow_symlinks=True)
    if os.geteuid() == 0:  # a replaced file would otherwise change hands
        os.chown(path, before.st_uid, before.st_gid)
    return told


def _in_file(project: Path) -> str | None:
    path = project / ".env"
    return dotenv_values(path).get(KEY) if path.is_file() else None


def _is_embedded(url: str, folder: DataFolder) -> bool:
    """Whether this utility wrote `url` for this folder, on whichever port.

    Our passwords are known by their mark. One that is not this folder's belongs to another
    project whose server answers, or is left over from a data folder that was deleted.
    """
    try:
        address = Address.parse(url)
    except WrongUsageError:
        return False
    ours = address.host == HOST and address.user == ROLE
    if not ours or not address.password.startswith(PASSWORD_MARK):
        return False
    if folder.passwords.is_file() and address.password == folder.password():
        return True
    return not ports.answers(address.host, address.port)
