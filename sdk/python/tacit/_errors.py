"""Failures, as the API's problem details (RFC 9457) tell of them."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class Error(Exception):
    """Any failure. Programs look at `code`, which is stable, or at the class; `detail` is the line a person reads and `fix` what to do.

    Neither ever holds a secret.
    """

    code = "failed"
    #: The exit status that the command line has for it.
    exit = 1

    def __init__(
        self,
        detail: str,
        fix: Optional[str] = None,
        *,
        code: Optional[str] = None,
        exit: Optional[int] = None,
        object: Optional[str] = None,
        origin: str = "tacit",
        status: Optional[int] = None,
    ) -> None:
        super().__init__(f"{detail}\n  → {fix}" if fix else detail)
        self.detail = detail
        self.fix = fix
        self.code = code or self.code
        self.exit = exit or self.exit
        #: The name that it is about.
        self.object = object
        #: Whose failure it is: tacit, provider, broker or upstream.
        self.origin = origin
        #: The HTTP status; None when there was no answer.
        self.status = status


class Usage(Error):
    """The request or the environment makes no sense."""

    code, exit = "usage", 2


class Invalid(Error):
    """A name or value that cannot be accepted."""

    code, exit = "invalid", 2


class NotFound(Error):
    """No such secret, version, field or capability; or none that the caller may know of."""

    code, exit = "not_found", 3


class Expired(Error):
    """It is there and no longer valid."""

    code, exit = "expired", 3


class Denied(Error):
    """A policy or token does not permit it."""

    code, exit = "denied", 5


class Sealed(Error):
    """Given to no program: use it with `invoke`."""

    code, exit = "sealed", 5


class Locked(Error):
    """The vault is locked, or no agent runs: `tacit unlock`."""

    code, exit = "locked", 6


class Unavailable(Error):
    """A server, provider or service cannot be reached, or broke off."""

    code, exit = "unavailable", 7


class Exists(Error):
    """It is there already."""

    code, exit = "exists", 8


class Conflict(Error):
    """It was changed meanwhile, or two things claim one place."""

    code, exit = "conflict", 8


class Limited(Error):
    """Too many requests."""

    code, exit = "limited", 1


_CLASSES = {c.code: c for c in (Usage, Invalid, NotFound, Expired, Denied, Sealed, Locked, Unavailable, Exists, Conflict, Limited)}


def of_problem(p: Mapping[str, Any]) -> Error:
    """Return the failure that a problem tells of. A code that has no class here is an Error with that code."""
    code = str(p.get("code") or "failed")
    fix = p.get("fix")
    if code == "sealed":  # given to no program, so the way out is another than at a terminal
        fix = "use it through the broker: secrets.invoke(CAPABILITY, …)"
    return _CLASSES.get(code, Error)(
        str(p.get("detail") or code),
        fix,
        code=code,
        exit=p.get("exit"),
        object=p.get("object"),
        origin=p.get("origin") or "tacit",
        status=p.get("status"),
    )
