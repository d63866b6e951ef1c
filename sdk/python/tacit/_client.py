"""The client."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime
from types import TracebackType
from typing import Any, Iterable, List, Literal, Mapping, NoReturn, Optional, TypedDict, Union, overload
from urllib.parse import urlencode

from ._answer import Answer, StreamedAnswer
from ._errors import Invalid, NotFound, Usage
from ._place import find
from ._reference import clean, parse
from ._transport import Transport

Version = Union[int, Literal["previous"], None]

#: Seconds that each step of a call may take unless told.
_TIMEOUT = 30.0


class Secret(TypedDict):
    """What is known of a secret: everything but its value. Times are RFC 3339."""

    id: str
    name: str
    provider: str
    scope: str
    version: int
    versions: int
    state: str
    exposure: str
    pin: Optional[str]
    tags: list[str]
    aliases: list[str]
    groups: list[str]
    owner: Optional[str]
    note: Optional[str]
    created_at: str
    updated_at: str
    expires_at: Optional[str]
    rotate_every: Optional[str]


class Client:
    """Asks an agent or a server. It connects when the first call needs it, and may be used from any thread.

    What is left out, the environment says. `context` is the ssl.SSLContext for https.
    """

    __slots__ = ("__options", "__provider", "__transport")

    def __init__(
        self,
        addr: Optional[str] = None,
        token: Optional[str] = None,
        *,
        workspace: Optional[str] = None,
        group: Optional[str] = None,
        provider: Optional[str] = None,
        context: Any = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.__options = (addr, token, workspace, group, context, env)
        self.__provider = provider
        self.__transport: Optional[Transport] = None

    @overload
    def get(
        self, name: str, *, version: Version = ..., field: Optional[str] = ..., scope: Optional[str] = ..., provider: Optional[str] = ...,
        include_expired: bool = ..., optional: Literal[False] = ..., timeout: Optional[float] = ...,
    ) -> str: ...

    @overload
    def get(
        self, name: str, *, version: Version = ..., field: Optional[str] = ..., scope: Optional[str] = ..., provider: Optional[str] = ...,
        include_expired: bool = ..., optional: bool, timeout: Optional[float] = ...,
    ) -> Optional[str]: ...

    def get(self, name: str, *, optional: bool = False, timeout: Optional[float] = _TIMEOUT, **which: Any) -> Optional[str]:
        """Return a value as text.

        The name may be a reference: tacit://NAME@VERSION#FIELD, with or without tacit://. With optional, a secret that is not there is
        None; nothing else is forgiven.
        """
        read = self._read(name, optional, timeout, which)
        if read is None:
            return None
        if read.get("value") is None:
            raise Invalid(f"{read['secret']['name']} is not text", "read it with get_bytes")
        return str(read["value"])

    @overload
    def get_bytes(
        self, name: str, *, version: Version = ..., field: Optional[str] = ..., scope: Optional[str] = ..., provider: Optional[str] = ...,
        include_expired: bool = ..., optional: Literal[False] = ..., timeout: Optional[float] = ...,
    ) -> bytes: ...

    @overload
    def get_bytes(
        self, name: str, *, version: Version = ..., field: Optional[str] = ..., scope: Optional[str] = ..., provider: Optional[str] = ...,
        include_expired: bool = ..., optional: bool, timeout: Optional[float] = ...,
    ) -> Optional[bytes]: ...

    def get_bytes(self, name: str, *, optional: bool = False, timeout: Optional[float] = _TIMEOUT, **which: Any) -> Optional[bytes]:
        """Return a value as it is, text or not."""
        read = self._read(name, optional, timeout, which)
        if read is None:
            return None
        if read.get("value") is None:
            return base64.b64decode(read["value_base64"])
        return str(read["value"]).encode()

    def has(
        self, name: str, *, version: Version = None, scope: Optional[str] = None, provider: Optional[str] = None,
        timeout: Optional[float] = _TIMEOUT,
    ) -> bool:
        """Say whether there is such a secret; its value is not asked for.

        To a token what is not there and what it may not see are one: Denied.
        """
        request = self._of(parse(name, version=version, scope=scope, provider=provider))
        if "field" in request:
            raise Usage("whether a field is there only the value tells: use get with optional")
        try:
            self._call("/api/v1/secret/show", request, timeout)
        except NotFound:
            return False
        return True

    def list(
        self, pattern: Optional[str] = None, *, tags: Optional[Iterable[str]] = None, scope: Optional[str] = None, all_scopes: bool = False,
        provider: Optional[str] = None, include_expired: bool = False, timeout: Optional[float] = _TIMEOUT,
    ) -> List[Secret]:
        """Return what is known of secrets, never their values. `*` in the pattern stays within a segment of `/`, `**` goes across."""
        request = self._of(clean({
            "pattern": pattern, "tags": None if tags is None else [*tags], "scope": scope, "all_scopes": all_scopes or None,
            "provider": provider, "include_expired": include_expired or None,
        }))
        answer: List[Secret] = self._call("/api/v1/secret/list", request, timeout)["secrets"]
        return answer

    def set(
        self, name: str, value: Union[str, bytes], *, scope: Optional[str] = None, provider: Optional[str] = None,
        tags: Optional[Iterable[str]] = None, expires_at: Union[datetime, str, None] = None, note: Optional[str] = None,
        owner: Optional[str] = None, aliases: Optional[Iterable[str]] = None, sealed: Optional[bool] = None, service: Optional[str] = None,
        must_be_new: bool = False, timeout: Optional[float] = _TIMEOUT,
    ) -> Secret:
        """Create a secret or add a version to it, and return what is known of it then."""
        if isinstance(expires_at, datetime):
            if expires_at.tzinfo is None:
                raise Usage("expires_at has no time zone", "datetime.now(timezone.utc) + …")
            expires_at = expires_at.isoformat()
        request = clean({
            **self._of(parse(name, scope=scope, provider=provider)), **_value(value), "tags": None if tags is None else [*tags], "note": note,
            "owner": owner, "aliases": None if aliases is None else [*aliases], "sealed": sealed, "service": service,
            "expires_at": expires_at, "must_be_new": must_be_new or None,
        })
        secret: Secret = self._call("/api/v1/secret/set", request, timeout, change=True)["secret"]
        return secret

    @overload
    def invoke(
        self, capability: str, *, method: Optional[str] = ..., path: Optional[str] = ..., query: Union[str, Mapping[str, Any], None] = ...,
        headers: Optional[Mapping[str, Union[str, Iterable[str]]]] = ..., body: Any = ..., credential: Optional[str] = ...,
        timeout: Optional[float] = ..., stream: Literal[False] = ...,
    ) -> Answer: ...

    @overload
    def invoke(
        self, capability: str, *, method: Optional[str] = ..., path: Optional[str] = ..., query: Union[str, Mapping[str, Any], None] = ...,
        headers: Optional[Mapping[str, Union[str, Iterable[str]]]] = ..., body: Any = ..., credential: Optional[str] = ...,
        timeout: Optional[float] = ..., stream: Literal[True],
    ) -> StreamedAnswer: ...

    def invoke(
        self, capability: str, *, method: Optional[str] = None, path: Optional[str] = None, query: Union[str, Mapping[str, Any], None] = None,
        headers: Optional[Mapping[str, Union[str, Iterable[str]]]] = None, body: Any = None, credential: Optional[str] = None,
        timeout: Optional[float] = None, stream: bool = False,
    ) -> Union[Answer, StreamedAnswer]:
        """Use a service with a secret that the caller never gets.

        The body is sent as it is when it is str or bytes, piece by piece (with stream) when it is an iterator of bytes, else as JSON. Without a
        method it is the only one, else POST with a body and GET without; without a path the only one.
        """
        request = clean({
            "capability": capability, "credential": credential, "method": method, "path": path,
            "query": query if query is None or isinstance(query, str) else urlencode(query, doseq=True),
            "headers": None if headers is None else {n: [v] if isinstance(v, str) else [*v] for n, v in headers.items()},
            "timeout_ms": None if timeout is None else int(timeout * 1000),
        })
        if not stream:
            return Answer.of(self._call("/api/v1/capability/invoke", {**request, **_body(body)}, timeout, change=True))
        pieces, length, is_json = _source(body)
        if is_json:
            request["headers"] = {"Content-Type": ["application/json"], **request.get("headers", {})}
        head, answer = self._to().stream("/api/v1/capability/use", {**request, "content_length": length}, pieces, timeout)
        return StreamedAnswer(head, answer)

    def close(self) -> None:
        """Close the connections that are kept; the next call makes new ones."""
        if self.__transport is not None:
            self.__transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], err: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<tacit.Client {self.__transport.address if self.__transport else 'not connected'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a token and is not pickled: make another one")

    def _read(self, name: str, optional: bool, timeout: Optional[float], which: Mapping[str, Any]) -> Optional[dict[str, Any]]:
        which = dict(which)
        include_expired = which.pop("include_expired", False)
        request = clean({**self._of(parse(name, **which)), "include_expired": include_expired or None})
        try:
            return self._call("/api/v1/secret/get", request, timeout)
        except NotFound:
            if optional:
                return None
            raise

    def _of(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a request with the provider of this client, unless it names one."""
        env = self.__options[-1]
        provider = self.__provider or (os.environ if env is None else env).get("TACIT_PROVIDER")
        return {"provider": provider, **request} if provider else request

    def _call(self, path: str, request: Mapping[str, Any], timeout: Optional[float], *, change: bool = False) -> dict[str, Any]:
        return self._to().call(path, request, timeout, change=change)

    def _to(self) -> Transport:
        """Return where requests go; it is looked up by the first one."""
        if self.__transport is None:
            addr, token, workspace, group, context, env = self.__options
            env = os.environ if env is None else env
            workspace = env.get("TACIT_WORKSPACE", "") if workspace is None else workspace
            group = env.get("TACIT_GROUP", "") if group is None else group
            self.__transport = Transport(find(addr, token, env), workspace, group, context)
        return self.__transport


def connect(addr: Optional[str] = None, token: Optional[str] = None, **options: Any) -> Client:
    """Return a client: Client(addr, token, **options), for use with `with`."""
    return Client(addr, token, **options)


def _value(value: Union[str, bytes]) -> dict[str, str]:
    if isinstance(value, str):
        return {"value": value}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"value_base64": base64.b64encode(value).decode()}
    raise Usage("a value is str or bytes")


def _body(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, str):
        return {"body_text": body}
    if isinstance(body, (bytes, bytearray, memoryview)):
        return {"body_base64": base64.b64encode(body).decode()}
    if hasattr(body, "__next__"):
        raise Usage("a body that is read piece by piece takes stream=True")
    return {"body": body}


def _source(body: Any) -> tuple[Optional[Iterable[bytes]], int, bool]:
    """Return a body as pieces, its length in bytes (-1: not known), and whether it is JSON."""
    if body is None:
        return None, 0, False
    if hasattr(body, "__next__"):
        return body, -1, False
    if isinstance(body, str):
        body = body.encode()
    is_json = not isinstance(body, (bytes, bytearray, memoryview))
    whole = json.dumps(body).encode() if is_json else bytes(body)
    return [whole], len(whole), is_json
