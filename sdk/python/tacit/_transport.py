"""Requests to one place: JSON both ways, or a line of JSON and then bytes."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import threading
import weakref
from typing import Any, BinaryIO, Iterable, Iterator, Mapping, Optional, cast
from urllib.parse import quote

from ._errors import Error, Locked, Unavailable, of_problem
from ._place import Place, require_sockets

#: Bounds of a whole answer and of one line, in bytes.
_MAX_ANSWER = 1 << 28
_MAX_LINE = 1 << 20

_STREAM = "application/vnd.tacit.use"

#: How a connection ends that the other side had closed meanwhile.
_GONE = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


class _ToSocket(http.client.HTTPConnection):
    """A connection to an agent."""

    def __init__(self, place: Place, timeout: Optional[float]) -> None:
        super().__init__("tacit", timeout=timeout)
        self._place = place

    def connect(self) -> None:
        self._place.check_owner()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self._place.socket)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


class Transport:
    """Sends requests to one place, from any thread. Connections are kept for the next request."""

    def __init__(self, place: Place, workspace: str, group: str, context: Any) -> None:
        if place.socket:
            require_sockets()
        self._place = place
        self._context = context  # ssl.SSLContext; None: the usual one
        self._headers = {"User-Agent": "tacit-python"}
        if place.token:
            self._headers["Authorization"] = "Bearer " + place.token
        if workspace:
            self._headers["Tacit-Workspace"] = quote(workspace, safe="")
        if group:
            self._headers["Tacit-Group"] = quote(group, safe="")
        self._prefix = place.url.path.rstrip("/") if place.url else ""
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._checked = not place.vault
        self._pid = os.getpid()
        weakref.finalize(self, _close_all, self._idle)

    @property
    def address(self) -> str:
        return self._place.address

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            _close_all(self._idle)

    def call(self, path: str, request: Optional[Mapping[str, Any]], timeout: Optional[float], *, change: bool = False) -> dict[str, Any]:
        """Send a request and return the answer's object.

        Of a change nobody knows whether it was made when no answer comes, so it is not sent twice. timeout is the seconds that each step
        may take.
        """
        self._check_vault()
        try:
            return self._call(path, request, timeout, change)
        except (OSError, http.client.HTTPException) as err:
            raise self.broken(err, timeout) from err

    def _call(self, path: str, request: Optional[Mapping[str, Any]], timeout: Optional[float], change: bool) -> dict[str, Any]:
        body = None if request is None else json.dumps(request).encode()
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        while True:
            connection, used = self._take(timeout)
            try:
                connection.request("GET" if body is None else "POST", self._prefix + path, body, headers)
                answer = connection.getresponse()
                content = answer.read(_MAX_ANSWER + 1)
            except _GONE:
                connection.close()
                if change or not used:
                    raise
                continue
            except BaseException:
                connection.close()
                raise
            if answer.will_close or len(content) > _MAX_ANSWER:
                connection.close()
            else:
                self._keep(connection)
            return self._object(answer, content)

    def stream(
        self, path: str, head: Mapping[str, Any], body: Optional[Iterable[bytes]], timeout: Optional[float]
    ) -> tuple[dict[str, Any], Stream]:
        """Send a line of JSON and a body, and return the answer's line and what follows it."""
        self._check_vault()
        connection = self._open(timeout)
        try:
            connection.putrequest("POST", self._prefix + path, skip_accept_encoding=True)
            for name, value in {**self._headers, "Content-Type": _STREAM, "Transfer-Encoding": "chunked"}.items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(_chunk(json.dumps(head).encode() + b"\n"))
            sender = _Sender(connection, body)
            answer = http.client.HTTPResponse(connection.sock, method="POST")
            try:
                answer.begin()
                if answer.status != 200 or not (answer.headers.get("Content-Type") or "").startswith(_STREAM):
                    raise self._problem(answer, answer.read(_MAX_ANSWER))
                stream = Stream(self, connection, answer, sender, timeout)
                return stream.head(), stream
            except BaseException as err:
                answer.close()
                if isinstance(err, (OSError, http.client.HTTPException)):
                    sender.raise_for_source()
                raise
        except (OSError, http.client.HTTPException) as err:
            connection.close()
            raise self.broken(err, timeout) from err
        except BaseException:
            connection.close()
            raise

    def _open(self, timeout: Optional[float]) -> http.client.HTTPConnection:
        url = self._place.url
        if url is None:
            return _ToSocket(self._place, timeout)
        if url.scheme == "http":
            return http.client.HTTPConnection(cast(str, url.hostname), url.port, timeout=timeout)
        return http.client.HTTPSConnection(cast(str, url.hostname), url.port, timeout=timeout, context=self._context)

    def _take(self, timeout: Optional[float]) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection, and whether it was used before. A forked child has none of its parent's."""
        with self._lock:
            if self._pid != os.getpid():
                _close_all(self._idle)
                self._pid = os.getpid()
            while self._idle:
                connection = self._idle.pop()
                if connection.sock is not None and not _readable(connection.sock):
                    connection.sock.settimeout(timeout)
                    return connection, True
                connection.close()  # the other side did: nothing else comes without a request
        return self._open(timeout), False

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _check_vault(self) -> None:
        """Make sure that the agent at the socket is that of our vault, once."""
        if self._checked:
            return
        try:
            report = self._call("/api/v1/agent/status", None, 3, change=False)
        except (OSError, http.client.HTTPException) as err:
            raise self.broken(err, 3) from err
        if report.get("vault") != self._place.vault:
            raise Locked("the agent that runs is that of another vault", "tacit unlock")
        self._checked = True

    def _object(self, answer: http.client.HTTPResponse, content: bytes) -> dict[str, Any]:
        if len(content) > _MAX_ANSWER:
            raise Unavailable("the answer is too long")
        if answer.status != 200 or not (answer.headers.get("Content-Type") or "").startswith("application/json"):
            raise self._problem(answer, content)
        return self.parse(content)

    def _problem(self, answer: http.client.HTTPResponse, content: bytes) -> Error:
        if (answer.headers.get("Content-Type") or "").startswith("application/problem+json"):
            problem = self.parse(content)
            if isinstance(problem.get("code"), str):
                return of_problem(problem)
        return Unavailable(f"{self._place.other} answered {answer.status}, which is nothing of tacit's")

    def parse(self, content: bytes) -> dict[str, Any]:
        """Read one object of JSON."""
        try:
            parsed = json.loads(content)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise Unavailable(f"{self._place.other}: the answer is not JSON")  # without the cause, which has the text
        return parsed

    def broken(self, err: Exception, timeout: Optional[float]) -> Error:
        """Return what the caller should see of a connection that could not be made, or ended in the middle."""
        if isinstance(err, (FileNotFoundError, ConnectionRefusedError)) and self._place.socket:
            return self._place.absent()
        if isinstance(err, PermissionError) and self._place.socket:
            return Error(f"the socket {self._place.socket} is somebody else's", code="permissions", exit=5)
        if isinstance(err, (socket.timeout, TimeoutError)):
            return Unavailable(f"ask {self._place.other}: no answer within {timeout} s")
        return Unavailable(f"ask {self._place.other}: {err or type(err).__name__}")


class _Sender:
    """Sends a body in a thread, since the answer may begin before its end."""

    def __init__(self, connection: http.client.HTTPConnection, body: Optional[Iterable[bytes]]) -> None:
        self._socket: socket.socket = connection.sock
        self._failed: Optional[BaseException] = None
        if body is None:
            self._socket.sendall(b"0\r\n\r\n")
            return
        threading.Thread(target=self._send, args=(iter(body),), name="tacit-upload", daemon=True).start()

    def _send(self, body: Iterator[bytes]) -> None:
        while True:
            try:
                piece = next(body)
            except StopIteration:
                break
            except BaseException as err:  # of the caller's source, and for the caller
                self._failed = err
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)  # who waits for the answer finds out
                except OSError:
                    pass
                return
            if piece and not self._pass(_chunk(piece)):
                return
        self._pass(b"0\r\n\r\n")

    def _pass(self, piece: bytes) -> bool:
        try:
            self._socket.sendall(piece)  # and not connection.send, which would connect again after the stream was closed
        except (OSError, http.client.HTTPException):
            return False  # the service wanted no more of it; its answer says why
        return True

    def raise_for_source(self) -> None:
        """Raise what the source raised, if anything."""
        if self._failed is not None:
            raise self._failed


class Stream:
    """What follows the first line of an answer, as a chunked body (RFC 9112, section 7.1) with its trailers."""

    def __init__(
        self, of: Transport, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, sender: _Sender, timeout: Optional[float]
    ) -> None:
        self._of = of
        self._connection = connection
        self._answer = answer  # which closes what it reads from when nobody has it any more
        self._source = cast(BinaryIO, answer.fp)  # by hand from here on: http.client gives no trailers
        self._sender = sender
        self._timeout = timeout
        self._begun = b""
        self._pieces = self._chunks()
        #: Under lower-case names; there at the end.
        self.trailers: dict[str, str] = {}

    def head(self) -> dict[str, Any]:
        """Read the line of JSON before the bytes."""
        read = b""
        for piece in self._pieces:
            read += piece
            line, end, rest = read.partition(b"\n")
            if end:
                self._begun = rest
                return self._of.parse(line)
            if len(read) > _MAX_LINE:
                break
        raise Unavailable("the answer broke off")

    def __iter__(self) -> Iterator[bytes]:
        try:
            if self._begun:
                begun, self._begun = self._begun, b""
                yield begun
            yield from self._pieces
        except (OSError, http.client.HTTPException, ValueError) as err:
            self._sender.raise_for_source()
            raise self._of.broken(err, self._timeout) from err

    def close(self) -> None:
        """End the answer; the service is told."""
        self._answer.close()
        self._connection.close()

    def _chunks(self) -> Iterator[bytes]:
        while True:
            digits = self._line().split(b";", 1)[0].strip()
            if not 1 <= len(digits) <= 15 or not all(d in b"0123456789abcdefABCDEF" for d in digits):
                raise http.client.IncompleteRead(b"")
            size = int(digits, 16)
            if size == 0:
                break
            while size > 0:
                piece = self._source.read1(min(size, 1 << 16))  # type: ignore[attr-defined]
                if not piece:
                    raise http.client.IncompleteRead(b"")
                size -= len(piece)
                yield piece
            self._line()
        while True:
            line = self._line().strip()
            if not line:
                return
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _line(self) -> bytes:
        line = self._source.readline(_MAX_LINE)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        return line


def _readable(connection: socket.socket) -> bool:
    """Say whether there is something to read, or the end."""
    if hasattr(select, "poll"):  # which takes descriptors of any size
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([connection], [], [], 0)[0])


def _close_all(idle: list[http.client.HTTPConnection]) -> None:
    while idle:
        idle.pop().close()


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
