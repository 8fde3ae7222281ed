"""Writing results: all or nothing, mode bits kept, links followed, the old file safe until then."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from .errors import CliError
from .reading import STDIO, reason

__all__ = ["save_reproducer", "write"]


def write(path: str, data: bytes) -> None:
    """Write `data` to a file, or to stdout for `-`.

    A file appears whole or not at all: the bytes go to a temporary file beside it, are read back
    and compared, and take the name in one step. Raises CliError E0304.
    """
    try:
        if path == STDIO:
            _to_stdout(data)
        else:
            _to_file(path, data)
    except OSError as error:
        shown = "<stdout>" if path == STDIO else path
        raise CliError("E0304", f"{shown}: cannot be written ({reason(error)})") from None


def _to_stdout(data: bytes) -> None:
    stream = sys.stdout.buffer
    try:
        stream.write(data)
        stream.flush()
    except BrokenPipeError:
        # Python would flush once more at exit and complain.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _to_file(path: str, data: bytes) -> None:
    target = os.path.realpath(path)
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "it is a directory")
    if mode is not None and not stat.S_ISREG(mode):
        # A device or pipe cannot be replaced by a file.
        with Path(target).open("wb") as sink:
            sink.write(data)
        return
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, "permission denied")
    folder, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", suffix=".tmp", dir=folder)
    try:
        with open(descriptor, "w+b") as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
            sink.seek(0)
            if sink.read() != data:
                raise OSError(5, "what was read back is not what was written")
        os.chmod(temporary, stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def save_reproducer(source: bytes, output: bytes) -> str:
    """Keep the input and the faulty output for a report; gives the folder, or why there is none."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="eqsat-reproducer-"))
        (folder / "input.wasm").write_bytes(source)
        (folder / "output.wasm").write_bytes(output)
    except OSError as error:
        return f"not saved: {reason(error)}"
    return str(folder)
