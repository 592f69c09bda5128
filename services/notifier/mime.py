"""Mails as octets (RFC 5322, 2045 and 2047), put together without a general library.

``email.message`` takes several milliseconds for a mail, most of it for parsing headers that it was
just given. Here every header has one of few shapes, so that little is needed and all of it is seen.
"""

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Final
from uuid import uuid4

from services.notifier.mail import Mail
from services.notifier.text import one_line

# RFC 5322 allows 998 octets a line; beyond that the text has to be encoded to travel whole.
_LINE_OCTETS: Final = 990
# 45 octets are 60 in base64, which an encoded word of 75 (RFC 2047) has room for.
_WORD_OCTETS: Final = 45
_HEADER_LINE: Final = 78
# What may stand in a quoted name as it is; a quote or a backslash is escaped.
_QUOTABLE: Final = re.compile(r"[ !#-\[\]-~]*")


def composed(mail: Mail, *, sender: Address, now: datetime, eight_bits: bool = True) -> bytes:
    """The mail as it travels; nothing in it can begin another header.

    Args:
        mail: what is said, and to whom.
        sender: whose mail it is; its domain also stands in the ids.
        now: the date of the mail.
        eight_bits: whether whoever takes it over takes eight bits; else all of it is ASCII.
    """
    boundary = f"=_{uuid4().hex}"
    thread = f"<{mail.thread}@{sender.domain}>"
    headers = {
        "From": _mailbox(sender.display_name, sender.addr_spec),
        "To": _mailbox(one_line(mail.to.name), mail.to.email),
        "Subject": _unstructured(mail.subject),
        "Date": format_datetime(now),
        "Message-ID": f"<{mail.id}@{sender.domain}>",
        # The ticket itself is the root of the thread, which no mail has as its own id.
        "In-Reply-To": thread,
        "References": thread,
        # RFC 3834: so that nobody's absence notice answers.
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{boundary}"',
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    parts = (("plain", mail.text), ("html", mail.html))
    body = b"".join(
        b"--%s\r\n%s\r\n" % (boundary.encode(), _part(subtype, text, eight_bits=eight_bits))
        for subtype, text in parts
    )
    return head.encode() + b"\r\n" + body + b"--%s--\r\n" % boundary.encode()


def _part(subtype: str, text: str, *, eight_bits: bool) -> bytes:
    raw = text.encode("utf-8", "replace")
    lines = raw.splitlines()
    encoding, body = "quoted-printable", b""
    if all(len(line) <= _LINE_OCTETS for line in lines) and (eight_bits or raw.isascii()):
        encoding = "7bit" if raw.isascii() else "8bit"
        body = b"\r\n".join(lines) + b"\r\n"
    else:
        # Each line by itself: what ends lines must be told from what stands in them.
        body = b"".join(
            b2a_qp(line, istext=True).replace(b"=\n", b"=\r\n") + b"\r\n" for line in lines
        )
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}"
    return head.encode() + b"\r\n\r\n" + body


def _mailbox(name: str, address: str) -> str:
    if not name:
        return f"<{address}>"
    if _QUOTABLE.fullmatch(name) and "=?" not in name and len(name) <= _HEADER_LINE:
        return f'"{name}"\r\n <{address}>'
    return f"{_words(name)}\r\n <{address}>"


def _unstructured(text: str) -> str:
    line = one_line(text)
    # What looks like an encoded word would be decoded by whoever reads it.
    if not line.isascii() or "=?" in line or any(len(word) > _LINE_OCTETS for word in line.split()):
        return _words(line)
    return "\r\n ".join(_folded(line))


def _folded(line: str) -> Iterator[str]:
    length, begun = len("Subject: "), ""
    for word in line.split(" "):
        if begun and length + len(begun) + 1 + len(word) > _HEADER_LINE:
            yield begun
            length, begun = 1, word
        else:
            begun = f"{begun} {word}" if begun else word
    yield begun


def _words(text: str) -> str:
    """The text as encoded words, none of which ends within a character."""
    return "\r\n ".join(f"=?utf-8?B?{b64encode(part).decode()}?=" for part in _parts(text))


def _parts(text: str) -> Iterator[bytes]:
    part = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(part) + len(octets) > _WORD_OCTETS:
            yield part
            part = b""
        part += octets
    yield part
