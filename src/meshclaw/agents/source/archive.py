"""Files from a tar or zip, read in memory and never unpacked to a disk; however far they would swell."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

from meshclaw.agents.source.files import MOST_IN_ALL, Files, Gathering
from meshclaw.errors import UserError

MOST_PACKED = 8 << 20
"""Bytes of the archive itself, and of a tar behind its compression."""
SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_GZIP = 16 + zlib.MAX_WBITS


def read(path: Path, source: str = "") -> Files:
    """``source`` is what errors call it."""
    source = source or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_PACKED + 1)
    except OSError as error:
        raise UserError(f"{source!r} cannot be read ({error.strerror})") from error
    if len(data) > MOST_PACKED:
        raise UserError(f"{source!r} is larger than {MOST_PACKED:,} bytes")
    try:
        return _without_top(_unpacked(data, source))
    except (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError
    ) as error:  # fmt: skip
        raise UserError(f"{source}: this archive cannot be read ({error})") from error


def _unpacked(data: bytes, source: str) -> Files:
    return _zip(data, source) if data[:2] == b"PK" else _tar(_plain(data, source), source)


def _without_top(files: Files) -> Files:
    """Without a single folder around everything, as archives of a release have it."""
    tops = {path.partition("/")[0] for path in files}
    if len(tops) == 1 and all("/" in path for path in files):
        return {path.partition("/")[2]: content for path, content in files.items()}
    return files


def _plain(data: bytes, source: str) -> bytes:
    """A tar without its gzip, or refused before it fills the memory."""
    if data[:2] != b"\x1f\x8b":
        return data
    opened = zlib.decompressobj(_GZIP)
    plain = opened.decompress(data, MOST_PACKED)
    if opened.unconsumed_tail or not opened.eof:
        raise UserError(f"{source}: it swells to more than {MOST_PACKED:,} bytes, or is cut off")
    return plain


def _tar(data: bytes, source: str) -> Files:
    gathering = Gathering(source)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for member in tar:
            path = member.name.removeprefix("./")
            if member.isdir() or member.name in ("", ".", "./"):
                continue
            if not member.isreg() or member.sparse is not None:
                raise gathering.refused(path, "it is no plain file")
            gathering.check(path)
            content = tar.extractfile(member)
            gathering.add(path, content.read(gathering.room() + 1) if content else b"")
    return gathering.files


def _zip(data: bytes, source: str) -> Files:
    gathering = Gathering(source)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise gathering.refused(member.filename, "it is no plain file")
            if member.flag_bits & 1:
                raise gathering.refused(member.filename, "it is encrypted")
            gathering.check(member.filename)
            if member.file_size > MOST_IN_ALL:
                raise gathering.refused(member.filename, f"it is larger than {MOST_IN_ALL:,} bytes")
            with archive.open(member) as content:
                gathering.add(member.filename, content.read(gathering.room() + 1))
    return gathering.files
