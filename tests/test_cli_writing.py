"""Writing: whole or not at all, mode bits kept, links followed, pipes and devices as they are."""

import os
import stat
from pathlib import Path

import pytest
from eqsat.cli import writing
from eqsat.cli.errors import CliError


def test_new_file_gets_the_usual_mode(tmp_path: Path) -> None:
    target = tmp_path / "new.wasm"
    writing.write(str(target), b"data")
    assert target.read_bytes() == b"data"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask
    assert os.listdir(tmp_path) == ["new.wasm"]


def test_mode_bits_stay(tmp_path: Path) -> None:
    target = tmp_path / "old.wasm"
    target.write_bytes(b"old")
    target.chmod(0o751)
    writing.write(str(target), b"new")
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o751


def test_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.wasm", tmp_path / "link.wasm"
    real.write_bytes(b"old")
    link.symlink_to(real)
    writing.write(str(link), b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "old.wasm"
    target.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CliError, match="no space left") as caught:
        writing.write(str(target), b"new")
    assert caught.value.code == "E0304"
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old.wasm"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no" / "such" / "folder.wasm"):
        with pytest.raises(CliError, match="cannot be written") as caught:
            writing.write(str(target), b"data")
        assert caught.value.exit == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_write_protected_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "protected.wasm"
    target.write_bytes(b"old")
    target.chmod(0o444)
    with pytest.raises(CliError, match="permission denied"):
        writing.write(str(target), b"new")
    assert target.read_bytes() == b"old"


def test_device_is_not_replaced() -> None:
    writing.write(os.devnull, b"data")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_fifo_is_written_through(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing.write(str(fifo), b"data")
    assert os.read(reader, 10) == b"data"
    os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_reproducer_has_both_modules() -> None:
    folder = Path(writing.save_reproducer(b"in", b"out"))
    assert (folder / "input.wasm").read_bytes() == b"in"
    assert (folder / "output.wasm").read_bytes() == b"out"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
