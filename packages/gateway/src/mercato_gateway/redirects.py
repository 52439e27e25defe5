"""Where an answer sends its client on: an address of the upstream's, as clients know it here."""

_SCHEMES = (b"http:", b"https:")
_BEHIND_BASE = (b"", b"/", b"?", b"#")


def as_clients_know_it(location: bytes, authority: bytes, base: bytes, prefix: bytes) -> bytes:
    """`location`, where it is a path under `base` at `authority`, as the same path under `prefix`; else as it stands.

    Left as it is, an absolute path would be looked for at our own root, and an address of the upstream's would lead
    clients, and with them a key in a field of its own, past the gateway (RFC 9110, 10.2.2).
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
