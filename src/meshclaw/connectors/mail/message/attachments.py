"""Attachments as a person may be shown them: a safe name, a type, a size. The content is never decoded."""

from __future__ import annotations

import re
from collections.abc import Iterable

from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.mail.message.mime import Part
from meshclaw.flow.message import Attachment, Finding

MAX_NAME = 120

_PATH = re.compile(r"[/\\]+")
_UNSAFE = re.compile(r'[<>:"|?*]')
# What Windows, macOS or Linux start on a double click, and documents whose type says they hold macros.
_RUNS_TEXT = """
ade adp apk app appimage application appref-ms appx appxbundle bas bat bash chm cmd com command cpl csh
deb desktop diagcab dll dmg dotm docm exe gadget hlp hta htm html img inf ins iqy iso isp jar jnlp js jse
ksh lnk mde mht mhtml msc msh msi msix msp mst one osd oxps ocx pif pkg pl potm ppam ppsm pptm prf ps1
ps1xml ps2 psc1 psd1 psm1 py pyc pyw rb reg rpm run scf scpt scr sct sh shb shs shtml sldm slk svg svgz
swf sys terminal udl url vb vbe vbp vbs vhd vhdx vsmacros vxd website wim workflow wsc wsf wsh xbap xhtml
xlam xll xlsm xlsb xltm xht xpi zsh
"""
_RUNS = frozenset(_RUNS_TEXT.split())
_RUNNING_TYPES = re.compile(
    r"application/(?:x-)?(?:msdownload|msdos-program|ms-?dos-executable|dosexec|executable|sh|shellscript|javascript|"
    r"ecmascript|java-archive|java-applet|vnd\.microsoft\.portable-executable|hta|perl|python|bat|msi)$"
    r"|text/(?:javascript|vbscript|x-python|x-sh)|.*macroenabled"
)
_ORDINARY = frozenset(
    [
        "pdf",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "odt",
        "ods",
        "odp",
        "txt",
        "rtf",
        "csv",
        "jpg",
        "jpeg",
        "png",
        "gif",
        "bmp",
        "tif",
        "tiff",
        "webp",
        "mp3",
        "mp4",
        "wav",
        "avi",
        "mov",
        "zip",
        "rar",
        "7z",
        "gz",
        "eml",
        "msg",
    ]
)


def safe_name(name: str) -> str:
    """The last path part without control, invisible or reserved characters; never empty, ``.`` or ``..``."""
    last = _PATH.split(one_line(name, 1000).rstrip("/\\ "))[-1]
    safe = _UNSAFE.sub("_", last).strip(" .")
    if len(safe) > MAX_NAME:  # the end stays: it says what the file does
        safe = safe[: MAX_NAME - 20] + "…" + safe[-19:]
    return safe or "unnamed"


def attachment(part: Part) -> Attachment:
    name = part.name
    if not name and part.media_type == "message/rfc822":
        name = "message.eml"
    return Attachment(name=safe_name(name), media_type=part.media_type, size=part.size)


def risk(attached: Attachment) -> str:
    """Why the attachment can run code, as one clause; empty where nothing says so."""
    pieces = [piece.strip() for piece in attached.name.lower().split(".")]
    extension = pieces[-1] if len(pieces) > 1 else ""
    if extension in _RUNS and len(pieces) > 2 and pieces[-2] in _ORDINARY:
        return f"{attached.name} ends in .{extension} but looks like .{pieces[-2]}"
    if extension in _RUNS:
        return f"{attached.name} is of a kind that can run code"
    if _RUNNING_TYPES.match(attached.media_type):
        return f"{attached.name} is declared as {attached.media_type}"
    return ""


def risks(attached: Iterable[Attachment]) -> list[Finding]:
    reasons = (risk(a) for a in attached)
    return [Finding(kind="risky-attachment", detail=reason) for reason in reasons if reason][:10]
