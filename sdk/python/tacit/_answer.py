"""What services answer."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Iterator, Mapping, Optional

from ._errors import Unavailable, of_problem
from ._transport import Stream


@dataclass(frozen=True)
class Answer:
    """What a service answered. Any status is an answer."""

    capability: str
    credential: str
    status: int
    #: Under lower-case names.
    headers: Mapping[str, list[str]]
    #: JSON as what it stands for, other text as str, anything else as bytes.
    body: Any
    #: How many places of the answer held the secret and were replaced.
    redactions: int
    duration_ms: int

    @property
    def ok(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300

    @classmethod
    def of(cls, a: Mapping[str, Any]) -> Answer:
        """Read an answer of the API."""
        body = a.get("body")
        if a.get("body_text") is not None:
            body = a["body_text"]
        elif a.get("body_base64") is not None:
            body = base64.b64decode(a["body_base64"])
        return cls(a["capability"], a["credential"], a["status"], a["headers"], body, a["redactions"], a["duration_ms"])


class StreamedAnswer:
    """An answer whose body comes while it is read, as pieces of bytes. One that breaks off raises, so that nobody takes half of it for all.

    It is a context manager: leaving it early ends the answer, and the service is told.
    """

    def __init__(self, head: Mapping[str, Any], stream: Stream) -> None:
        self._stream = stream
        self.capability: str = head["capability"]
        self.credential: str = head["credential"]
        self.status: int = head["status"]
        #: Under lower-case names.
        self.headers: dict[str, list[str]] = {name.lower(): values for name, values in head["headers"].items()}
        #: Known at the end.
        self.redactions: Optional[int] = None

    @property
    def ok(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream
        end = _end(self._stream.trailers.get("tacit-end", ""))
        if end is None:
            raise Unavailable(f"{self.capability}: the answer broke off")
        self.redactions = end.get("redactions")
        self.close()
        if end.get("problem"):
            raise of_problem(end["problem"])

    def lines(self) -> Iterator[str]:
        """Give the body's lines without their ends: server-sent events, JSON lines."""
        begun = b""
        for piece in self:
            *lines, begun = (begun + piece).split(b"\n")
            for line in lines:
                yield line.rstrip(b"\r").decode()
        if begun:
            yield begun.decode()

    def read(self) -> bytes:
        """Read all of it."""
        return b"".join(self)

    def json(self) -> Any:
        """Read all of it as JSON."""
        return json.loads(self.read())

    def close(self) -> None:
        """End the answer."""
        self._stream.close()

    def __enter__(self) -> StreamedAnswer:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], err: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()


def _end(trailer: str) -> Optional[dict[str, Any]]:
    """Read the trailer Tacit-End; None: it is none."""
    try:
        end = json.loads(base64.b64decode(trailer, validate=True))
    except ValueError:
        return None
    return end if isinstance(end, dict) else None
