"""References to secrets."""

from __future__ import annotations

from typing import Any, Optional, Union

from ._errors import Usage

#: The newest version but one, as the API writes it.
_PREVIOUS = -1


def parse(
    reference: str,
    *,
    version: Union[int, str, None] = None,
    field: Optional[str] = None,
    scope: Optional[str] = None,
    provider: Optional[str] = None,
) -> dict[str, Any]:
    """Read tacit://[PROVIDER:]NAME[@VERSION][#FIELD], with or without the scheme, into the members of a request.

    What is given beside it counts more. Names are checked by the server.
    """
    if not isinstance(reference, str) or not reference:
        raise Usage("the name of a secret is a string that is not empty")
    name = reference[len("tacit://") :] if reference.startswith("tacit://") else reference
    if field is None and "#" in name:
        name, field = name.split("#", 1)
    if version is None and "@" in name:
        name, version = name.split("@", 1)
    if provider is None and ":" in name:
        provider, name = name.split(":", 1)
    number = None if version is None else _number(version)
    return clean({"name": name, "version": number, "field": field, "scope": scope, "provider": provider})


def clean(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request without the members that are None, which the API would refuse."""
    return {name: value for name, value in request.items() if value is not None}


def _number(version: Union[int, str]) -> int:
    if version == "previous":
        return _PREVIOUS
    text = str(version)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Usage(f"a version is a number from 1 on, or 'previous': {version}")
    return int(text)
