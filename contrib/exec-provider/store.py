#!/usr/bin/env python3
"""A provider of kind exec: the smallest complete one.

    store.py FILE

keeps secrets in a JSON file. Start from it for a store of your own: replace load and save. What it is asked and what it must answer
is in docs/providers/exec.md. (The file is plain text. Use it to learn, not to keep secrets.)
"""

import fcntl
import json
import os
import sys

PROTOCOL = 1


def load(path):
    try:
        with open(path) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def save(path, secrets):
    new = path + ".new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        json.dump(secrets, f)
    os.replace(new, path)


def one(secrets, wanted):
    """The answer about one secret. It keeps the current version only."""
    name = wanted["name"]
    if name not in secrets or wanted.get("version"):
        return {"name": name, "error": {"code": "not_found"}}
    return {"name": name, **secrets[name]}


def answer(path, request):
    if request["version"] != PROTOCOL:
        return {"error": {"code": "unsupported", "message": "this program speaks version 1"}}
    secrets = load(path)
    op = request["op"]
    if op == "health":
        return {}
    if op == "read":
        return {"secrets": [one(secrets, wanted) for wanted in request["secrets"]]}
    if op == "list":
        return {"secrets": [{"name": name} for name in secrets]}
    name = request["name"]
    if op == "write":
        # Text comes as value, anything else as value_base64. A store that holds bytes decodes the latter.
        secrets[name] = {k: request[k] for k in ("value", "value_base64") if k in request}
        save(path, secrets)
        return {"secrets": [{"name": name}]}
    if op == "delete":
        if name not in secrets:
            return {"error": {"code": "not_found"}}
        del secrets[name]
        save(path, secrets)
        return {"deleted": 1}
    return {"error": {"code": "unsupported", "message": "unknown op"}}


def main():
    path = sys.argv[1]
    with open(os.open(path + ".lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = answer(path, json.load(sys.stdin))
    json.dump({"version": PROTOCOL, **out}, sys.stdout)


if __name__ == "__main__":
    main()
