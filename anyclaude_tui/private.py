"""Files and folders that are the user's alone: made so, and refused where others may write.

Whoever may write to a folder that our settings, notes or logs lie in, or to one above it, decides
which programs we start and which files we overwrite. So a path is used only where everything on
the way to it, links and what they lead to included, can be changed by the user and by root alone.
What is written is written past links: to a file that is opened as the very one it is.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from errno import EACCES, ELOOP
from grp import getgrgid
from pathlib import Path

_LINKS_MOST = 40
"""As many links on the way to a file as Linux follows (path_resolution(7), man-pages 6.7)."""


def folder(path: Path) -> None:
    """Make the folder and those above it, for their owner only. Raises OSError, in words where
    others may write to it."""
    make(path)
    check(path)


def check(path: Path) -> None:
    """Raise PermissionError, with words what to do, where others may write to a file or folder
    or put another in its place. What does not exist cannot be written to."""
    if found := others_may_write(path):
        raise PermissionError(EACCES, found)


def others_may_write(path: Path) -> str:
    """The others who may change the file or folder at a path, in words; empty where nobody may."""
    last = Path(os.path.realpath(path))
    for step, seen in _way(path):
        if why := _changed_by(step, seen, is_way=step != last):
            return why
    return ""


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all, for the user's eyes only. A link of the user's own stays
    one, and its file is written where nobody else may write. Raises OSError that names `path`."""
    folder(path.parent)
    real = path.resolve()
    check(real.parent)
    draft = ""
    try:
        number, draft = tempfile.mkstemp(dir=real.parent, prefix=f".{path.stem}-", suffix=".tmp")
        with os.fdopen(number, "wb") as file:
            file.write(data)
        os.replace(draft, real)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(draft)
        if isinstance(error, OSError):  # of a full disk it names nothing, else the draft
            error.filename, error.filename2 = str(path), None
        raise


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a plain file of the user's own; one that is made is for the user alone.
    Raises OSError for a link and all else that is no such file."""
    extra = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | extra, 0o600)
    except OSError as error:
        if error.errno == ELOOP:
            raise OSError(ELOOP, "it is a link, which is not written through", str(path)) from None
        raise
    seen = os.fstat(descriptor)
    if stat.S_ISREG(seen.st_mode) and seen.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise PermissionError(EACCES, "it is not a plain file of yours", str(path))


def make(path: Path) -> None:
    """Make a folder, and what is not there above it, for the owner only. Raises OSError."""
    if not path.is_dir():  # `mkdir(parents=True)` would give the upper ones the usual mode
        make(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything from the root to a path that exists, links and what they lead to."""
    at = Path("/")
    to_go = list(reversed(path.absolute().parts[1:]))
    links = 0
    yield at, at.lstat()
    while to_go:
        name = to_go.pop()
        if name == "..":
            at = at.parent
            continue
        step = at / name
        try:
            seen = step.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        yield step, seen
        if not stat.S_ISLNK(seen.st_mode):
            at = step
            continue
        links += 1
        if links > _LINKS_MOST:
            raise OSError(ELOOP, os.strerror(ELOOP), str(path))
        target = Path(os.readlink(step))
        at = Path("/") if target.is_absolute() else at
        to_go += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _changed_by(path: Path, seen: os.stat_result, *, is_way: bool) -> str:
    """`is_way`: it leads to what is looked at. In a folder with the sticky bit others may make
    what is not there yet, and cannot touch what is."""
    if seen.st_uid not in (0, os.geteuid()):
        return (
            f"{path} belongs to {_user(seen.st_uid)}, who could change what is read and written "
            "there. Set ANYCLAUDE_HOME to a folder of yours"
        )
    if stat.S_ISLNK(seen.st_mode) or (is_way and seen.st_mode & stat.S_ISVTX):
        return ""
    if not seen.st_mode & stat.S_IWOTH and not (
        seen.st_mode & stat.S_IWGRP and not _alone_in(seen.st_gid)
    ):
        return ""
    return (
        f"{path} can be written to by others (mode {stat.S_IMODE(seen.st_mode):04o}), who could "
        f"change what is read and written there. `chmod go-w {path}`, or set ANYCLAUDE_HOME to a "
        "folder of yours"
    )


def _alone_in(group: int) -> bool:
    """True if a group is the user's own, as many systems make one for each user."""
    try:
        user, found = pwd.getpwuid(os.geteuid()), getgrgid(group)
    except KeyError:
        return False
    return group == user.pw_gid and found.gr_name == user.pw_name and not found.gr_mem


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
