"""The status pages: plain HTML, readable without styles, scripts or colours."""

from html import escape
from urllib.parse import quote

from mercato_contracts.service_levels import IncidentView, ServiceStatusView, StatusDay, StatusList

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #ddd}.operational{color:#0a6b2d}.degraded{color:#8a5a00}.outage{color:#b00020}"
    ".quiet{color:#555}a{color:#0645ad}@media(prefers-color-scheme:dark){body{color:#eee;background:#111}"
    "a{color:#8ab4f8}.operational{color:#6fd08c}.degraded{color:#f0b429}.outage{color:#ff8a80}.quiet{color:#aaa}}"
)
_SAID = {
    "operational": "Operational",
    "degraded": "Degraded",
    "outage": "Outage",
    "quiet": "No calls in the last hour",
}


def list_page(status: StatusList) -> str:
    """Every service of the page and its state."""
    rows = "".join(
        f'<tr><td><a href="/status/{quote(item.vendor)}/{quote(item.name)}">{escape(item.vendor)}/{escape(item.name)}'
        f"</a></td><td>{escape(item.title)}</td><td>{_state(item.state)}</td></tr>"
        for item in status.items
    )
    table = (
        "<table><thead><tr><th scope=col>Service</th><th scope=col>Title</th><th scope=col>Now</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else "<p>No service is listed.</p>"
    )
    following = f'<p><a href="/status?after={quote(status.next)}">More services</a></p>' if status.next else ""
    return _page("Status of all services", f"{table}{following}{_as_of(status.at.isoformat())}")


def service_page(status: ServiceStatusView) -> str:
    """A service's state, incidents and days."""
    name = f"{status.vendor}/{status.name}"
    incidents = "".join(_incident(each) for each in status.incidents)
    body = (
        f"<p>{escape(status.title)}. <strong>{_state(status.state)}</strong></p>"
        f"<p>Availability of the last 90 days: {_share(status.availability_bp)}</p>"
        f"<h2>Incidents</h2>{f'<ul>{incidents}</ul>' if incidents else '<p>None in the last 90 days.</p>'}"
        "<h2>Day by day</h2><table><thead><tr><th scope=col>Day (UTC)</th><th scope=col>Availability</th></tr></thead>"
        f"<tbody>{''.join(_day(day) for day in reversed(status.days))}</tbody></table>"
        f'<p><a href="/status">All services</a></p>{_as_of(status.at.isoformat())}'
    )
    return _page(f"Status of {name}", body)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1"><meta http-equiv="refresh" content="60">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}"
        "</main></body></html>"
    )


def _state(state: str) -> str:
    return f'<span class="{escape(state)}">{escape(_SAID[state])}</span>'


def _share(basis_points: int | None) -> str:
    return "no calls" if basis_points is None else f"{basis_points // 100}.{basis_points % 100:02d} %"


def _day(day: StatusDay) -> str:
    return f"<tr><td>{day.day.isoformat()}</td><td>{_share(day.availability_bp)}</td></tr>"


def _incident(incident: IncidentView) -> str:
    kind = "Outage" if incident.severity == "fast" else "Degraded"
    end = f"until {incident.resolved_at:%Y-%m-%d %H:%M} UTC" if incident.resolved_at else "<strong>still open</strong>"
    return f"<li>{kind}, {escape(incident.objective)}: from {incident.opened_at:%Y-%m-%d %H:%M} UTC {end}</li>"


def _as_of(at: str) -> str:
    return f'<p><small>As of <time datetime="{escape(at)}">{escape(at)}</time></small></p>'
