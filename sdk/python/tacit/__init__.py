"""Secrets from a tacit agent or server.

    import tacit

    key = tacit.secrets.get("API_KEY")

The environment says whom to ask, as it does for the command line: TACIT_ADDR and TACIT_TOKEN, else the agent that `tacit unlock` starts.
Every failure is a `tacit.Error`, whose `code` is stable.
"""

from ._answer import Answer, StreamedAnswer
from ._client import Client, Secret, connect
from ._errors import (
    Conflict,
    Denied,
    Error,
    Exists,
    Expired,
    Invalid,
    Limited,
    Locked,
    NotFound,
    Sealed,
    Unavailable,
    Usage,
)

#: The client that the environment describes. It connects when the first call needs it.
secrets = Client()

__all__ = [
    "Answer", "Client", "Conflict", "Denied", "Error", "Exists", "Expired", "Invalid", "Limited", "Locked", "NotFound", "Sealed", "Secret",
    "StreamedAnswer", "Unavailable", "Usage", "connect", "secrets",
]
