"""What no good agent does, and where an agent is looked for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import tempfile
import threading
import traceback
import unittest
from typing import Callable, Iterator, Optional
from unittest import mock

import tacit
from tacit._place import find
from tacit._reference import parse
from tacit._transport import _ToSocket

_END = {"bytes_up": 0, "bytes_down": 4, "redactions": 2, "problem": None}


class Fake:
    """Answers each request on a connection of its own with bytes, and closes it."""

    def __init__(
        self, test: unittest.TestCase, answer: Callable[[bytes], bytes], *, whole: Optional[Callable[[bytes], bool]] = None
    ) -> None:
        folder = tempfile.mkdtemp(prefix="tacit-py-")
        test.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "agent.sock")
        self.requests: list[bytes] = []
        self.closed = threading.Semaphore(0)  # released after each answer, when its connection is closed
        self._answer = answer
        self._whole = whole or self._is_whole
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(self._listener.close)
        test.addCleanup(self._listener.shutdown, socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            with connection:
                request = b""
                while True:
                    request += connection.recv(65536)
                    if not request or self._whole(request):
                        break
                if request:
                    self.requests.append(request.split(b"\r\n", 1)[0])
                    connection.sendall(self._answer(request))
            self.closed.release()

    @staticmethod
    def _is_whole(request: bytes) -> bool:
        head, end, body = request.partition(b"\r\n\r\n")
        if b"chunked" in head:
            return body.endswith(b"0\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return len(body) >= int(line.split(b":")[1])
        return end != b""

    def client(self) -> tacit.Client:
        return tacit.connect("unix:" + self.path)


def answer(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def stream(rest: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.tacit.use\r\nTransfer-Encoding: chunked\r\nTrailer: Tacit-End\r\n\r\n"
    line = b'{"capability":"a/b","credential":"a","status":200,"headers":{"X-A":["1"]}}\n'
    return head + b"%x\r\n%b\r\n" % (len(line), line) + rest


class Places(unittest.TestCase):
    def test_places(self) -> None:
        home = {"HOME": "/home/ana"}
        self.assertEqual(find(None, None, home).socket, "/home/ana/.local/state/tacit/agent.sock")
        self.assertEqual(find(None, None, home).vault, "/home/ana/.local/share/tacit/vault.db")
        self.assertEqual(find(None, None, {**home, "XDG_RUNTIME_DIR": "/run/u"}).socket, "/run/u/tacit/agent.sock")
        self.assertEqual(find(None, None, {**home, "XDG_RUNTIME_DIR": "u"}).socket, "/home/ana/.local/state/tacit/agent.sock")
        self.assertEqual(find(None, None, {"TACIT_DIR": "/t", "XDG_RUNTIME_DIR": "/run/u"}).socket, "/t/agent.sock")
        self.assertTrue(find(None, None, {"TACIT_ADDR": "unix:/s", "TACIT_TOKEN": "x"}).foreign)
        self.assertFalse(find(None, None, {"TACIT_ADDR": "unix:/s"}).foreign)
        self.assertEqual(find("unix:/s", None, {"TACIT_ADDR": "https://a.example"}).socket, "/s")
        bad = ["unix:relative", "http://a.example", "http://127.0.0.1.a.example", "ftp://localhost", "https://", "https://u:p@a.example", "x", "https://[a"]
        for addr in bad:
            with self.subTest(addr), self.assertRaises(tacit.Usage):
                find(addr, None, {})
        for addr in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://a.example/x"):
            self.assertIsNotNone(find(addr, None, {}).url)
        with self.assertRaises(tacit.Usage):
            find(None, None, {"TACIT_NO_AGENT": "1"})

    def test_references(self) -> None:
        self.assertEqual(parse("a/b"), {"name": "a/b"})
        self.assertEqual(parse("tacit://env:db@previous#a@b"), {"name": "db", "version": -1, "field": "a@b", "provider": "env"})
        self.assertEqual(parse("tacit://env/db"), {"name": "env/db"})
        self.assertEqual(parse("a", version=3, field="f", scope="global"), {"name": "a", "version": 3, "field": "f", "scope": "global"})
        for bad in ("a@0", "a@x", "a@-1", "a@", ""):
            with self.subTest(bad), self.assertRaises(tacit.Usage):
                parse(bad)

    def test_provider(self) -> None:
        asked: list[Optional[str]] = []

        def reply(request: bytes) -> bytes:
            asked.append(json.loads(request.partition(b"\r\n\r\n")[2]).get("provider"))
            return answer(b'{"secret":{"name":"a"},"value":"v","secrets":[]}')

        fake = Fake(self, reply)
        env = {"TACIT_PROVIDER": "theirs"}
        for options, want in (({"env": env}, "theirs"), ({"env": env, "provider": "ours"}, "ours"), ({"env": {}}, None)):
            asked.clear()
            with tacit.connect("unix:" + fake.path, **options) as client:
                for ask in (
                    lambda: client.get("a"),
                    lambda: client.has("a"),
                    lambda: client.list(),
                    lambda: client.set("a", "v"),
                    lambda: client.get("mine:a"),
                    lambda: client.list(provider="mine"),
                ):
                    ask()
                    self.assertTrue(fake.closed.acquire(timeout=10))  # a change is not repeated on another connection
            self.assertEqual(asked, [want] * 4 + ["mine"] * 2)

    def test_token_is_not_shown(self) -> None:
        self.assertNotIn("tacit_x", repr(find("unix:/s", "tacit_x", {})))
        fake = Fake(self, lambda _: answer(b'{"value":"x"}'))
        for end in ("\n", "\r\nX: y", " y", "\x00", "\u2713"):
            for client in (tacit.connect("unix:" + fake.path, "tacit_x" + end), tacit.connect("unix:" + fake.path, env={"TACIT_TOKEN": "tacit_x" + end})):
                with self.subTest(end), self.assertRaises(tacit.Usage) as caught:
                    client.get("a")
                shown = "".join(traceback.format_exception(type(caught.exception), caught.exception, caught.exception.__traceback__))
                self.assertNotIn("tacit_x", shown)
        self.assertEqual(fake.requests, [])


class Answers(unittest.TestCase):
    def test_agent_of_another_vault(self) -> None:
        fake = Fake(self, lambda _: answer(b'{"vault":"/elsewhere/vault.db"}'))
        client = tacit.connect(env={"TACIT_DIR": os.path.dirname(fake.path)})
        with self.assertRaises(tacit.Locked):
            client.get("a")
        self.assertEqual(fake.requests, [b"GET /api/v1/agent/status HTTP/1.1"])

    def test_answers_that_are_none(self) -> None:
        wrong = [
            answer(b"<p>secret-text", "text/html"),
            answer(b'{"value":"secret-text'),
            answer(b'["secret-text"]'),
            answer(b"", status="302 Found"),
            answer(b"secret-text", "application/problem+json", "500 Internal Server Error"),
            answer(b"secret-text", "text/plain", "404 Not Found"),  # of a proxy in between, and no "not found"
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"value":"secret-text"',
            b"nonsense\r\n\r\n",
            b"",
        ]
        for content in wrong:
            with self.subTest(content):
                client = Fake(self, lambda _, content=content: content).client()  # type: ignore[misc]
                with self.assertRaises(tacit.Unavailable) as caught:
                    client.get("a", optional=True)
                shown = "".join(traceback.format_exception(type(caught.exception), caught.exception, caught.exception.__traceback__))
                self.assertNotIn("secret-text", shown)

    def test_stream_that_breaks_off(self) -> None:
        broken = {**_END, "problem": {"code": "unavailable", "detail": "it hung up", "origin": "upstream"}}
        for rest in (
            b"",
            b"ff\r\nhalf",
            b"4\r\nhalf\r\n",
            b"4\r\nhalf\r\n0\r\n\r\n",
            b"4\r\nhalf\r\n0\r\nTacit-End: !\r\n\r\n",
            b"zz\r\nhalf\r\n0\r\n\r\n",
            b"4\r\nhalf\r\n0\r\nTacit-End: " + base64.b64encode(json.dumps(broken).encode()) + b"\r\n\r\n",
        ):
            with self.subTest(rest):
                with Fake(self, lambda _, rest=rest: stream(rest)).client().invoke("a/b", stream=True) as got:  # type: ignore[misc]
                    with self.assertRaises(tacit.Unavailable):
                        got.read()
        whole = b"3;x=y\r\nwho\r\n2\r\nle\r\n0\r\nTacit-End: " + base64.b64encode(json.dumps(_END).encode()) + b"\r\n\r\n"
        with Fake(self, lambda _: stream(whole)).client().invoke("a/b", stream=True) as got:
            self.assertEqual((got.read(), got.redactions, got.headers), (b"whole", 2, {"x-a": ["1"]}))

    def test_change_is_not_sent_twice(self) -> None:
        fake = Fake(self, lambda request: b"" if b"/set " in request else answer(b'{"secrets":[]}'))
        client = fake.client()
        client.list()  # the connection is kept, and closed by the other side
        client.list()  # which a question bears
        with self.assertRaises(tacit.Unavailable):
            client.set("a", "b")
        self.assertLessEqual(len([r for r in fake.requests if b"/set " in r]), 1)

    def test_idle_connection_that_was_closed(self) -> None:
        fake = Fake(self, lambda _: answer(b'{"secret":{"version":1}}'))
        client = fake.client()
        for _ in range(3):  # of those that were kept the other side closed each
            client.set("a", "b")
            self.assertTrue(fake.closed.acquire(timeout=10))
        self.assertEqual(len(fake.requests), 3)

    def test_source_that_outlives_its_stream(self) -> None:
        go = threading.Event()

        def body() -> Iterator[bytes]:
            yield b"begun"
            go.wait()
            yield b"the rest"

        fake = Fake(self, lambda _: stream(b"4\r\nhalf"), whole=lambda request: b"begun" in request)
        with mock.patch.object(_ToSocket, "connect", autospec=True, side_effect=_ToSocket.connect) as connect:
            with fake.client().invoke("a/b", stream=True, body=body()):
                pass
            go.set()
            for thread in threading.enumerate():
                if thread.name == "tacit-upload":
                    thread.join(10)
        self.assertEqual(connect.call_count, 1)  # the rest was not sent over a connection of its own

    def test_somebody_elses_socket(self) -> None:
        fake = Fake(self, lambda _: answer(b'{"value":"made up"}'))
        os.chmod(os.path.dirname(fake.path), 0o777)
        with self.assertRaises(tacit.Denied):
            fake.client().get("a")
        with self.assertRaises(tacit.Denied):
            tacit.connect("unix:" + fake.path, "tacit_run_00").get("a")
        self.assertEqual(fake.requests, [])
        self.assertEqual(tacit.connect("unix:" + fake.path, "tacit_00").get("a"), "made up")  # whoever listens there, it was named
        with self.assertRaises(tacit.Unavailable):
            tacit.connect("unix:" + fake.path + ".none", "tacit_run_00").get("a")


if __name__ == "__main__":
    unittest.main()
