"""Pure: what is secret within texts that as a whole are not."""

import csv
import re
from collections.abc import Iterator
from urllib.parse import unquote

_SECRET_ATTRIBUTE = re.compile(r"secret|token|password|key", re.IGNORECASE)
_USERINFO = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]{0,30})://(?P<userinfo>[^\s/?#@]{1,4096})@", re.IGNORECASE)


def secrets_of_entry(entry: str) -> Iterator[str]:
    """Yield the secret attributes of a BuildKit cache entry, such as `secret_access_key` [BuildKit, cache backends].

    Args:
        entry: `type=…` and other attributes, as CSV.
    """
    try:
        attributes = next(csv.reader([entry], strict=True), [])
    except csv.Error:
        attributes = entry.split(",")
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        if value and _SECRET_ATTRIBUTE.search(name):
            yield value


def secrets_of_addresses(text: str) -> Iterator[str]:
    """Yield what stands for a login in the addresses of a text: `user:password`, and the password by itself.

    A user without a password is a token, but with SSH, where it is a name.
    """
    for found in _USERINFO.finditer(text):
        userinfo = found["userinfo"]
        _, colon, password = userinfo.partition(":")
        if colon and password:
            yield from dict.fromkeys((userinfo, password, unquote(password)))
        elif "ssh" not in found["scheme"].lower() and userinfo.rstrip(":") != "git":
            yield from dict.fromkeys((userinfo.rstrip(":"), unquote(userinfo.rstrip(":"))))


# A path that is made of an address has lost one of the slashes.
_LOGIN = re.compile(r"(:/{1,2})[^\s/?#@]{1,4096}@")


def without_logins(text: str) -> str:
    """Return a text with `***` in place of what its addresses have before `@`.

    Masks hide a login in the log, but neither in outputs nor in the job summary.
    """
    return _LOGIN.sub(r"\1***@", text)
