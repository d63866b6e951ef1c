"""Whom to ask: what the command line's rules make of an environment."""

from __future__ import annotations

import os
import socket as sockets
import stat
import sys
from dataclasses import dataclass, field
from typing import Mapping, Optional
from urllib.parse import SplitResult, urlsplit

from ._errors import Denied, Error, Locked, Unavailable, Usage


#: What a token of one `tacit run` begins with. Its socket is our own user's, and gone with the run: after that, somebody else may make another
#: at the same path.
_RUN_TOKEN = "tacit_run_"


@dataclass(frozen=True)
class Place:
    """A socket or a URL, and what is expected there."""

    token: str = field(repr=False)
    socket: str = ""
    url: Optional[SplitResult] = None
    vault: str = ""  # that the agent at the socket must serve; empty: any
    foreign: bool = False  # the socket may be somebody else's, which takes a token
    named: bool = False  # by TACIT_ADDR

    @property
    def address(self) -> str:
        """Return the place in the form of TACIT_ADDR."""
        return f"{self.url.scheme}://{self.url.netloc}" if self.url else "unix:" + self.socket

    @property
    def other(self) -> str:
        """Name the other side, for messages."""
        return "the server" if self.url else "the agent"

    def absent(self) -> Error:
        """Return the failure when nobody is at the socket."""
        if self.named:
            return Unavailable(
                f"no agent answers at {self.socket}, which TACIT_ADDR names", "unset TACIT_ADDR to use the vault on this machine"
            )
        if self.token:
            return Locked("TACIT_TOKEN is set and there is no agent or server to answer it", "tacit unlock")
        return Locked("no agent is running, and only that opens the vault for programs", "tacit unlock")

    def check_owner(self) -> None:
        """Refuse a socket that others than our own user can listen at: they could make up what our secrets are.

        One that is not there is an OSError, as in connecting: the next moment there may be somebody's.
        """
        if self.foreign or not hasattr(os, "getuid"):
            return
        there, folder = os.lstat(self.socket), os.stat(os.path.dirname(self.socket))
        replaceable = folder.st_uid not in (0, os.getuid()) or (folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX)
        if there.st_uid != os.getuid() or replaceable:
            raise Denied(f"refused to talk to what listens on {self.socket}: others than our own user can listen there")


def find(addr: Optional[str], token: Optional[str], env: Mapping[str, str]) -> Place:
    """Return what addr and token say, else what the environment says, else the agent of this vault."""
    where = addr if addr else env.get("TACIT_ADDR", "")
    proof = token if token else env.get("TACIT_TOKEN", "")
    if not all("!" <= c <= "~" for c in proof):  # http.client would quote it in an error
        raise Usage("the token has a character that none has: a space, or the end of a line", "set TACIT_TOKEN to what `tacit token create` printed")
    if where:
        return _named(where, proof)
    if _truthy(env.get("TACIT_NO_AGENT", "")):
        raise Usage("TACIT_NO_AGENT forbids to ask the agent, and only the command line opens a vault itself", "unset TACIT_NO_AGENT")
    vault, socket = files(env)
    return Place(proof, socket=socket, vault="" if proof else vault)


def files(env: Mapping[str, str]) -> tuple[str, str]:
    """Return the paths of the vault and of the agent's socket: below TACIT_DIR, else in the XDG directories."""
    if env.get("TACIT_DIR"):
        folder = os.path.abspath(env["TACIT_DIR"])
        return os.path.join(folder, "vault.db"), os.path.join(folder, "agent.sock")
    home = env.get("HOME", "")
    if not os.path.isabs(home):
        home = os.path.expanduser("~")

    def place(variable: str, *fallback: str) -> str:
        base = env.get(variable, "")  # a relative one is ignored, as the XDG specification says
        return os.path.join(base if os.path.isabs(base) else os.path.join(home, *fallback), "tacit")

    return (
        os.path.join(place("XDG_DATA_HOME", ".local", "share"), "vault.db"),
        os.path.join(place("XDG_RUNTIME_DIR", ".local", "state"), "agent.sock"),
    )


def _named(addr: str, token: str) -> Place:
    def bad(why: str) -> Usage:
        return Usage(f"TACIT_ADDR: {why}", "write unix:/path/to/agent.sock or https://host")

    if addr.startswith("unix:"):
        path = addr[len("unix:") :]
        if not os.path.isabs(path):
            raise bad("the path of the socket is not absolute")
        return Place(token, socket=path, foreign=token != "" and not token.startswith(_RUN_TOKEN), named=True)
    try:
        url = urlsplit(addr)
        host, _ = url.hostname, url.port
    except ValueError:
        raise bad("not an address") from None
    if not host or "@" in url.netloc:
        raise bad("not an address")
    if url.scheme != "https" and not (url.scheme == "http" and host in ("localhost", "127.0.0.1", "::1")):
        raise bad("only https, or http to this machine")
    return Place(token, url=url)


def _truthy(s: str) -> bool:
    """Read a switch in the environment as the command line does."""
    return s not in ("", "0", "false", "no")


def require_sockets() -> None:
    """Refuse where Python has no sockets in the file system."""
    if not hasattr(sockets, "AF_UNIX"):
        raise Usage(
            f"Python cannot open the agent's socket on {sys.platform}", "start the script with tacit run, or set TACIT_ADDR to a server"
        )
