"""Against a real agent, which sdk_test.go starts, with the secrets that it sets."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import threading
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Iterator

import tacit
from tacit import secrets


def run(*args: str) -> None:
    subprocess.run(["tacit", *args], check=True, capture_output=True)


class Agent(unittest.TestCase):
    def fails(self, kind: type[tacit.Error], code: str, exit: int, call: Callable[[], Any], says: str = "") -> None:
        with self.assertRaises(kind) as caught:
            call()
        self.assertEqual((caught.exception.code, caught.exception.exit), (code, exit), str(caught.exception))
        self.assertIn(says, str(caught.exception))

    def test_values(self) -> None:
        self.assertEqual(secrets.get("api/key"), "the value of the key")
        self.assertEqual(secrets.get("api/key", version="previous"), "an older value")
        self.assertEqual(secrets.get("tacit://api/key@1"), "an older value")
        self.assertEqual(secrets.get("settings", field="user"), "ana")
        self.assertEqual(secrets.get("settings#user"), "ana")
        self.assertEqual(secrets.get_bytes("binary"), b"\xff\x00\x01\x02")
        self.assertEqual(secrets.get_bytes("settings#user"), b"ana")
        self.fails(tacit.Invalid, "invalid", 2, lambda: secrets.get("binary"), "get_bytes")

    def test_what_is_there(self) -> None:
        self.assertTrue(secrets.has("api/key"))
        self.assertFalse(secrets.has("api/nothing"))
        self.assertIsNone(secrets.get("api/nothing", optional=True))
        self.assertIsNone(secrets.get_bytes("api/nothing", optional=True))
        found = secrets.list("api/*")
        self.assertEqual([(s["name"], s["version"], s["exposure"]) for s in found], [("api/key", 2, "readable")])
        self.assertNotIn("the value", repr(found))
        self.assertEqual(secrets.list(tags=["none"]), [])

    def test_set(self) -> None:
        soon = datetime.now(timezone.utc) + timedelta(hours=1)
        made = secrets.set("py/made", "ünïcode ✓", tags=("py",), note="by a script", expires_at=soon)
        self.assertEqual((made["version"], made["tags"]), (1, ["py"]))
        self.assertEqual(secrets.get("py/made"), "ünïcode ✓")
        secrets.set("py/made", b"\x01\xff\x00")
        self.assertEqual(secrets.get_bytes("py/made"), b"\x01\xff\x00")
        self.fails(tacit.Exists, "exists", 8, lambda: secrets.set("py/made", "x", must_be_new=True))
        self.fails(tacit.Usage, "usage", 2, lambda: secrets.set("py/made", 7))  # type: ignore[arg-type]
        self.fails(tacit.Usage, "usage", 2, lambda: secrets.set("py/made", "x", expires_at=datetime(2030, 1, 1)))

    def test_errors(self) -> None:
        self.fails(tacit.NotFound, "not_found", 3, lambda: secrets.get("api/nothing"), "api/nothing")
        self.fails(tacit.Expired, "expired", 3, lambda: secrets.get("old", optional=True))
        self.assertEqual(secrets.get("old", include_expired=True), "long gone")
        self.fails(tacit.Sealed, "sealed", 5, lambda: secrets.get("DEMO_OPENAI_KEY"), "invoke")
        self.fails(tacit.NotFound, "not_found", 3, lambda: secrets.get("api/key@9"))
        self.fails(tacit.Invalid, "invalid", 2, lambda: secrets.get("no such name"))
        self.fails(tacit.Usage, "usage", 2, lambda: secrets.get(""))
        self.fails(tacit.Usage, "usage", 2, lambda: secrets.get("a@0"))

    def test_token(self) -> None:
        with tacit.connect(token=os.environ["TEST_TOKEN"]) as client:
            self.assertEqual(client.get("api/key"), "the value of the key")
            self.fails(tacit.Denied, "denied", 5, lambda: client.get("settings"))
            self.fails(tacit.Denied, "denied", 5, lambda: client.get("api/nothing", optional=True))
            self.fails(tacit.Denied, "denied", 5, lambda: client.set("api/key", "x"))
            self.assertNotIn("tacit_", f"{client!r} {client}")
            with self.assertRaises(TypeError):
                pickle.dumps(client)
        self.fails(tacit.Denied, "denied", 5, lambda: tacit.connect(token="tacit_nonsense").get("api/key"))

    def test_service(self) -> None:
        body = {"model": "demo-1", "messages": [{"role": "user", "content": "Hi"}]}
        answer = secrets.invoke("demo-openai/chat-completions", body=body)
        self.assertTrue(answer.ok)
        self.assertIn("You said: Hi", answer.body["choices"][0]["message"]["content"])
        echo = secrets.invoke("demo-openai/echo", method="PUT", query={"a": "b c"}, headers={"X-One": "1"}, body=b"text")
        self.assertEqual((echo.body["headers"]["X-One"], echo.body["bytes"]), (["1"], 4))
        self.assertNotIn(os.environ["TEST_KEY"], repr(echo))
        self.assertGreater(echo.redactions, 0)
        refused = secrets.invoke("demo-openai/status", path="/demo/status/503")
        self.assertEqual((refused.ok, refused.status), (False, 503))
        self.fails(tacit.Denied, "denied", 5, lambda: secrets.invoke("demo-openai/status", path="/elsewhere"))
        self.fails(tacit.NotFound, "not_found", 3, lambda: secrets.invoke("demo-openai/nothing"))

    def test_stream(self) -> None:
        with secrets.invoke("demo-openai/sse", query="n=5", stream=True) as answer:
            self.assertIn("event-stream", answer.headers["content-type"][0])
            self.assertEqual(len([line for line in answer.lines() if line.startswith("data:")]), 6)
            self.assertEqual(answer.redactions, 0)
        body = {"model": "demo-1", "messages": [{"role": "user", "content": "Hi"}]}
        chat = secrets.invoke("demo-openai/chat-completions", stream=True, body=body).json()
        self.assertIn("You said: Hi", chat["choices"][0]["message"]["content"])

        piece, total = b"abc" * 30_000, hashlib.sha256()

        def upload() -> Iterator[bytes]:
            for _ in range(30):
                total.update(piece)
                yield piece

        counted = secrets.invoke("demo-openai/upload", method="POST", path="/demo/upload", stream=True, body=upload()).json()
        self.assertEqual(counted, {"bytes": 30 * len(piece), "sha256": total.hexdigest()})
        got = secrets.invoke("demo-openai/download", path="/demo/bytes/2000000", stream=True).read()
        self.assertEqual(len(got), 2_000_000)
        self.fails(tacit.Denied, "denied", 5, lambda: secrets.invoke("demo-openai/status", path="/elsewhere", stream=True))

    def test_stream_that_the_caller_leaves(self) -> None:
        with secrets.invoke("demo-openai/endless", stream=True) as endless:
            size = 0
            for piece in endless:
                size += len(piece)
                if size > 100_000:
                    break

        def broken() -> Iterator[bytes]:
            yield b"begun"
            raise RuntimeError("the disk is gone")

        with self.assertRaisesRegex(RuntimeError, "the disk is gone"):
            secrets.invoke("demo-openai/upload", method="POST", path="/demo/upload", stream=True, body=broken())

    def test_timeout(self) -> None:
        slow: Callable[[], Any] = lambda: secrets.invoke("demo-openai/slow", query="ms=60000", timeout=0.1)  # noqa: E731
        self.fails(tacit.Unavailable, "unavailable", 7, slow)

    def test_threads(self) -> None:
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.append(secrets.get("api/key"))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(got, ["the value of the key"] * 20)

    def test_zz_locked(self) -> None:
        run("lock")
        self.fails(tacit.Locked, "locked", 6, lambda: secrets.get("api/key"), "tacit unlock")
        run("agent", "stop")
        self.fails(tacit.Locked, "locked", 6, lambda: secrets.get("api/key"), "tacit unlock")  # over connections that are gone
        self.fails(tacit.Locked, "locked", 6, lambda: tacit.connect().get("api/key"), "tacit unlock")
        run("unlock", "-q")
        self.assertEqual(secrets.get("api/key"), "the value of the key")
        secrets.close()


if __name__ == "__main__":
    unittest.main()
