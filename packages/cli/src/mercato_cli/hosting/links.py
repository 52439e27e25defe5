"""The deployments that a host speaks for: linked by `mp link-infra`, kept beside the host's other files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mercato_cli.hosting.place import Place, write_whole
from mercato_cli.web import is_loopback

_FILE = "links.json"


@dataclass(frozen=True, slots=True)
class Link:
    """A deployment, its marketplace, and whose profile sends its heartbeats (empty: the deployment's token alone)."""

    deployment: str
    url: str
    profile: str
    interval_seconds: int


def find_place(hosting: Path, endpoint: str) -> Place | None:
    """The place below `hosting` that serves this address on this machine."""
    if not is_loopback(endpoint) or not hosting.is_dir():
        return None
    port = urlsplit(endpoint).port
    places = (Place(folder) for folder in sorted(hosting.iterdir()))
    return next((place for place in places if place.exists() and place.port == port), None)


def read_links(place: Place) -> list[Link]:
    """The deployments that the place speaks for; a damaged file names none."""
    try:
        return [Link(**fields) for fields in json.loads((place.folder / _FILE).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def add_link(place: Place, link: Link) -> None:
    """Send this deployment's heartbeats too, starting within a second."""
    others = [each for each in read_links(place) if each.deployment != link.deployment]
    _write(place, [*others, link])


def drop_link(place: Place, deployment: str) -> None:
    """Remove a deployment that the marketplace no longer knows."""
    _write(place, [each for each in read_links(place) if each.deployment != deployment])


def _write(place: Place, links: list[Link]) -> None:
    write_whole(place.folder / _FILE, json.dumps([asdict(link) for link in links]))
