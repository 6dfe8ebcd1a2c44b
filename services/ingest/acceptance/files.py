"""Attachments at the door: names, types and content ids (RFC 2183, RFC 2045 section 5.1, RFC 2392). Pure."""

from __future__ import annotations

import binascii
import mimetypes
import re
import unicodedata
from collections.abc import Sequence

from services.ingest.acceptance.send_request import AttachmentInput
from services.ingest.faults import Faults, pointer_to
from services.ingest.store.uploads import File

MOST_FILES = 50
LONGEST_NAME = 255
LONGEST_TYPE = 500  # of a line of 998 bytes (RFC 5322 section 2.1.1)
UNKNOWN_TYPE = "application/octet-stream"
ATOM = r"[A-Za-z0-9!#$&^_.+-]{1,100}"
TYPE = re.compile(rf'{ATOM}/{ATOM}(; ?{ATOM}=({ATOM}|"[A-Za-z0-9_ .+-]{{0,100}}"))*')
CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")
# They have parts of their own, which base64 may not hide (RFC 2046 sections 5.1 and 5.2.1).
COMPOSITE = ("multipart/", "message/")
NOT_IN_NAMES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def check_files(given: Sequence[AttachmentInput], faults: Faults) -> list[File]:
    """The attachments of a JSON request, decoded; one at fault is left out."""
    if len(given) > MOST_FILES:
        faults.add("#/attachments", "too_many", f"A message may have at most {MOST_FILES} attachments.")
        return []
    files = [file for place, each in enumerate(given) if (file := _file(place, each, faults)) is not None]
    check_content_ids(files, faults)
    return files


def _file(place: int, given: AttachmentInput, faults: Faults) -> File | None:
    where = ("attachments", place)
    try:
        data = binascii.a2b_base64(given.content, strict_mode=True)
    except (binascii.Error, ValueError):
        faults.add(pointer_to(*where, "content"), "invalid_base64", "`content` must be base64 (RFC 4648 section 4).")
        data = b""
    name = check_name(given.filename, where, faults)
    type_ = check_type(given.content_type, name or "", where, faults)
    if given.content_id is not None and not CONTENT_ID.fullmatch(given.content_id):
        faults.add(
            pointer_to(*where, "content_id"),
            "invalid_content_id",
            "A content id is 1 to 200 letters, digits, dots …",
        )
        return None
    return File(name, type_, given.content_id, data) if name and type_ else None


def check_name(given: str, where: tuple[str | int, ...], faults: Faults) -> str | None:
    """The name without a path, and without what could hide how it ends: control and direction characters."""
    name = "".join(each for each in given if unicodedata.category(each) not in NOT_IN_NAMES)
    name = re.split(r"[/\\]", name)[-1].strip()
    if not name or name in (".", ".."):
        faults.add(pointer_to(*where, "filename"), "required", "An attachment needs a file name.")
        return None
    if len(name.encode()) > LONGEST_NAME:
        faults.add(pointer_to(*where, "filename"), "too_long", f"A name may take at most {LONGEST_NAME} bytes.")
        return None
    return name


def check_type(given: str | None, name: str, where: tuple[str | int, ...], faults: Faults) -> str | None:
    """The media type, by the name where none is given."""
    type_ = given or mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
    if len(type_) > LONGEST_TYPE or not TYPE.fullmatch(type_) or type_.lower().startswith(COMPOSITE):
        faults.add(
            pointer_to(*where, "content_type"),
            "invalid_content_type",
            f"A type is `type/subtype` with ASCII parameters, of at most {LONGEST_TYPE} characters, and not of the "
            "kinds multipart and message.",
        )
        return None
    return type_


def check_content_ids(files: Sequence[File], faults: Faults) -> None:
    ids = [file.content_id for file in files if file.content_id is not None]
    if len(set(ids)) < len(ids):
        faults.add("#/attachments", "duplicate_content_id", "Two attachments have the same `content_id`.")
