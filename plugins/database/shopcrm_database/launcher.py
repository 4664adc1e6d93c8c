"""Becomes another user, then the program: run as a script, with the standard library alone.

    launcher.py [--detach] self|account|namespace UID GID PROGRAM [ARGUMENT...]

PostgreSQL refuses to run as root. `account` gives root up for an existing account.
`namespace` enters a user namespace in which the caller appears as UID and GID: the kernel
still sees the caller, so its files stay its own and no permission is widened, but the
program sees an ordinary user and, once started, holds no capability at all.

`--detach` starts the program in its own session and prints its process id, so that it
neither gets the terminal's Ctrl-C nor stays a child of the command that started it.

This file must not import the package: it also runs where only the interpreter is reachable.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CANNOT_BECOME_USER = 125


def enter_namespace(uid: int, gid: int) -> None:
    """Appear as `uid` and `gid` while staying the same user for everyone outside.

    Raises:
        OSError: The kernel or the container refuses user namespaces.
    """
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)  # os.unshare exists from Python 3.12 on
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are refused")
    process = Path("/proc/self")
    # The kernel accepts a group map from us only after setgroups is given up.
    (process / "setgroups").write_text("deny", encoding="ascii")
    (process / "uid_map").write_text(f"{uid} {outside_uid} 1", encoding="ascii")
    (process / "gid_map").write_text(f"{gid} {outside_gid} 1", encoding="ascii")


def become_account(uid: int, gid: int) -> None:
    """Give root up for good, supplementary groups first."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(arguments: list[str]) -> None:
    """Become the user named by `arguments` and turn into the program."""
    detach = arguments[0] == "--detach"
    way, uid, gid, *command = arguments[1:] if detach else arguments
    try:
        if way == "namespace":
            enter_namespace(int(uid), int(gid))
        elif way == "account":
            become_account(int(uid), int(gid))
    except (OSError, AttributeError) as error:
        sys.stderr.write(f"cannot become another user: {error}\n")
        sys.exit(CANNOT_BECOME_USER)
    if detach:
        child = os.fork()
        if child:
            sys.stdout.write(str(child))
            sys.stdout.flush()
            os._exit(0)
        os.setsid()
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
