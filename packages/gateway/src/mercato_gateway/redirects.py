"""Redirects: an address of the upstream becomes the address that clients know here."""

_SCHEMES = (b"http:", b"https:")
_BEHIND_BASE = (b"", b"/", b"?", b"#")


def as_clients_know_it(location: bytes, authority: bytes, base: bytes, prefix: bytes) -> bytes:
    """`location` as the same path under `prefix`, where it is a path under `base` at `authority`; else unchanged.

    An absolute path would otherwise be looked up at our own root, and an address of the upstream would lead clients
    past the gateway, with their key in a field of its own (RFC 9110, 10.2.2).
    """
    target = location
    scheme, separator, rest = location.partition(b"//")
    if separator and (not scheme or scheme.lower() in _SCHEMES):
        end = min((place for place in map(rest.find, (b"/", b"?", b"#")) if place >= 0), default=len(rest))
        if rest[:end].lower() != authority.lower():
            return location
        target = rest[end:]
    elif location[:1] != b"/":
        return location
    if target.startswith(base) and target[len(base) : len(base) + 1] in _BEHIND_BASE:
        return prefix + target[len(base) :]
    return location
