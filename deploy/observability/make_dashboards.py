"""Writes the Grafana dashboards: `python -m deploy.observability.make_dashboards` (`make dashboards`).

A dashboard is a title and rows of panels; a panel is a title, a unit and its queries. Grafana's own SDK makes the JSON,
and tests hold each query to a metric that exists.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).parent / "dashboards"
_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_W = "$__rate_interval"


@dataclass(frozen=True)
class Panel:
    """`queries` are pairs of a legend and a PromQL expression."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    text: str = ""


def _p99(metric: str, by: str = "") -> str:
    return f"histogram_quantile(0.99, sum by (le{by}) (rate({metric}_bucket[{_W}])))"


def _rate(metric: str, by: str = "", match: str = "") -> str:
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{match}[{_W}]))"


def _hourly(metric: str) -> str:
    return f"sum by (item, currency) (increase({metric}[1h])) / 1e9"


_G, _D, _P = "mercato_gateway_", "mercato_database_connections", "mercato_postgresql_"

DASHBOARDS: dict[str, tuple[str, dict[str, list[Panel]]]] = {
    "service": (
        "Mercato: calls and requests",
        {
            "Error budgets": [
                Panel("Calls that the gateway failed", "percentunit", (
                    ("5 min", "mercato:gateway_errors:ratio_rate5m"), ("1 h", "mercato:gateway_errors:ratio_rate1h"),
                    ("3 d", "mercato:gateway_errors:ratio_rate3d"))),
                Panel("Calls slowed by more than 5 ms", "percentunit", (
                    ("5 min", "mercato:gateway_slow:ratio_rate5m"), ("1 h", "mercato:gateway_slow:ratio_rate1h"))),
                Panel("Requests that the control API failed", "percentunit", (
                    ("5 min", "mercato:control_errors:ratio_rate5m"), ("1 h", "mercato:control_errors:ratio_rate1h"))),
            ],
            "Gateway": [
                Panel("Calls", "reqps", (("{{status}}", _rate(f"{_G}calls_total", "status")),)),
                Panel("Refused", "reqps", (("{{code}}", _rate(f"{_G}refused_total", "code")),)),
                Panel("Time added by the gateway", "s", (("p99", _p99(f"{_G}overhead_seconds")),)),
                Panel("Retries and fallbacks", "reqps", (
                    ("retries", _rate(f"{_G}retries_total")), ("fallbacks", _rate(f"{_G}fallbacks_total")))),
            ],
            "Control API": [
                Panel("Requests", "reqps", (("{{status}}", _rate("mercato_http_answers_total", "status")),)),
                Panel("Routes asked most", "reqps", (
                    ("{{method}} {{route}}", f"topk(10, {_rate('mercato_http_answers_total', 'method, route')})"),)),
                Panel("Slowest routes, p99", "s", (
                    ("{{method}} {{route}}", f"topk(10, {_p99('mercato_http_seconds', ', method, route')})"),)),
                Panel("Errors by route", "reqps", (
                    ("{{route}}", _rate("mercato_http_answers_total", "route", '{status=~"5.."}')),)),
                Panel("Searches, p99", "s", (("p99", _p99("mercato_search_seconds")),)),
            ],
        },
    ),
    "infrastructure": (
        "Mercato: processes and machines",
        {
            "Processes": [
                Panel("Up", "short", (("{{job}} {{instance}}", 'up{job=~"mercato-.*"}'),)),
                Panel("CPU", "percentunit", (
                    ("{{job}} {{instance}}", f'rate(process_cpu_seconds_total{{job=~"mercato-.*"}}[{_W}])'),)),
                Panel("Memory", "bytes", (
                    ("{{job}} {{instance}}", 'process_resident_memory_bytes{job=~"mercato-.*"}'),)),
                Panel("Open files", "percentunit", (
                    ("{{job}} {{instance}}", 'process_open_fds{job=~"mercato-.*"} / process_max_fds'),)),
            ],
            "Gateway": [
                Panel("Connections of clients", "short", (
                    ("{{instance}}", f"{_G}connections"), ("limit", f"max({_G}connections_limit)"))),
                Panel("Calls in flight", "short", (("{{instance}}", f"{_G}calls_in_flight"),)),
                Panel("Deployments without calls", "short", (("{{instance}}", f"{_G}deployments_ejected"),)),
                Panel("Health checks that failed", "reqps", (("failed", _rate(f"{_G}health_checks_failed_total")),)),
            ],
            "Room": [
                Panel("Services", "short", (("{{service}}", "max by (service) (mercato_service_up)"),)),
                Panel("Free disk", "bytes", (("{{instance}}", "mercato_disk_free_bytes"),)),
                Panel("Bodies in memory", "percentunit", (
                    ("{{instance}}", "mercato_bodies_bytes / mercato_bodies_limit_bytes"),)),
                Panel("Waiting for a hash", "percentunit", (
                    ("{{instance}}", "mercato_hashing_waiting / mercato_hashing_limit"),)),
                Panel("Certificates expire in", "s", (
                    ("{{role}} {{instance}}", "mercato_certificate_expires_timestamp_seconds - time()"),
                    ("gateway {{instance}}", "mercato_gateway_certificate_expires_timestamp_seconds - time()"))),
                Panel("Clocks ahead of the database", "s", (
                    ("{{instance}}", "mercato_clock_ahead_seconds"),
                    ("gateway {{instance}}", "mercato_gateway_clock_ahead_seconds"))),
                Panel("Age of the newest backup", "s", (("age", "min(mercato_backup_age_seconds)"),)),
            ],
        },
    ),
    "database": (
        "Mercato: PostgreSQL",
        {
            "Pools of the processes": [
                Panel("In use", "short", (("{{instance}} {{pool}}", f'{_D}{{state="in_use"}}'),)),
                Panel("In use, of the limit", "percentunit", (
                    ("{{instance}} {{pool}}", f'{_D}{{state="in_use"}} / ignoring(state) {_D}_limit'),)),
            ],
            "Server": [
                Panel("Connections", "short", (
                    ("open", f"max({_P}connections)"), ("limit", f"max({_P}connections_limit)"))),
                Panel("Size", "bytes", (("size", f"max({_P}size_bytes)"),)),
                Panel("Transactions", "ops", (
                    ("committed", f"max(rate({_P}commits_total[{_W}]))"),
                    ("undone", f"max(rate({_P}rollbacks_total[{_W}]))"))),
                Panel("Deadlocks", "short", (("deadlocks", f"max(increase({_P}deadlocks_total[1h]))"),)),
                Panel("Found in shared memory", "percentunit", (
                    ("share", f"max(rate({_P}blocks_cached_total[{_W}]) / "
                     f"(rate({_P}blocks_cached_total[{_W}]) + rate({_P}blocks_read_total[{_W}])))"),)),
            ],
        },
    ),
    "cache": (
        "Mercato: caches, budgets and Redis",
        {
            "Gateway": [
                Panel("Keys in the cache", "short", (("{{instance}}", f"{_G}keys_known"),)),
                Panel("Keys answered from the cache", "percentunit", (
                    ("share", f"1 - {_rate(_G + 'key_introspections_total')} / {_rate(_G + 'calls_total')}"),)),
                Panel("Requests for budget", "reqps", (
                    ("{{instance}}", _rate(f"{_G}lease_requests_total", "instance")),)),
                Panel("Services with routes", "short", (("{{instance}}", f"{_G}services"),)),
            ],
            "Redis (redis_exporter)": [
                Panel("Memory", "bytes", (("used", "redis_memory_used_bytes"), ("limit", "redis_memory_max_bytes"))),
                Panel("Commands", "ops", (("{{instance}}", _rate("redis_commands_processed_total", "instance")),)),
                Panel("Clients", "short", (("{{instance}}", "redis_connected_clients"),)),
                Panel("Evicted keys", "ops", (("must stay 0", _rate("redis_evicted_keys_total")),)),
            ],
        },
    ),
    "queue": (
        "Mercato: queues and usage",
        {
            "News": [
                Panel("Waiting", "short", (("{{reader}}", "max by (reader) (mercato_outbox_waiting_events)"),)),
                Panel("Age of the oldest", "s", (("{{reader}}", "max by (reader) (mercato_outbox_oldest_seconds)"),)),
                Panel("Handled", "ops", (("{{reader}}", _rate("mercato_outbox_handled_total", "reader")),)),
                Panel("Failures", "ops", (("{{reader}}", _rate("mercato_outbox_failures_total", "reader")),)),
                Panel("Webhook messages due", "short", (("due", "max(mercato_webhook_messages_due)"),)),
            ],
            "Systems outside": [
                Panel("Takes nothing", "short", (
                    ("bus", "max(mercato_bus_away)"), ("search index", "max(mercato_search_feed_away)"),
                    ("model registry", "max(mercato_registry_away)"),
                    ("workflows {{instance}}", "mercato_workflows_away")), "1 while the engine is away."),
                Panel("Brought and failed", "ops", (
                    ("events on the bus", _rate("mercato_bus_events_total")),
                    ("bus fails", _rate("mercato_bus_failures_total")),
                    ("search index fails", _rate("mercato_search_feed_failures_total")),
                    ("models changed", _rate("mercato_registry_changes_total")),
                    ("model registry fails", _rate("mercato_registry_failures_total")),
                    ("models not taken", _rate("mercato_registry_skipped_total")))),
            ],
            "Usage": [
                Panel("Not shipped yet", "bytes", (("{{instance}}", f"{_G}spool_behind_bytes"),)),
                Panel("Age of the oldest usage", "s", (("{{instance}}", f"{_G}spool_unshipped_seconds"),)),
                Panel("Spool", "percentunit", (("{{instance}}", f"{_G}spool_bytes / {_G}spool_limit_bytes"),)),
                Panel("Shipped and rejected", "ops", (
                    ("shipped", _rate(f"{_G}usage_shipped_total")), ("rejected", _rate(f"{_G}usage_rejected_total")),
                    ("failed batches", _rate(f"{_G}usage_ship_failures_total")))),
            ],
        },
    ),
    "business": (
        "Mercato: business",
        {
            "Sales": [
                Panel("Calls sold", "reqps", (("calls", _rate("mercato_sold_calls_total")),)),
                Panel("Charged an hour", "short", (
                    ("{{item}} {{currency}}", _hourly("mercato_charged_nanos_total")),),
                    "In whole units of the currency."),
                Panel("Our share an hour", "short", (
                    ("{{item}} {{currency}}", _hourly("mercato_take_nanos_total")),)),
                Panel("Tokens", "ops", (("{{direction}}", _rate("mercato_sold_tokens_total", "direction")),)),
            ],
            "Marketplace": [
                Panel("Submissions that wait for a person", "short", (("waiting", "max(mercato_approvals_waiting)"),)),
                Panel("Sums that disagree", "short", (("differing", "max(mercato_reconciliation_differing)"),)),
                Panel("Calls with counts that cannot be true", "reqps", (
                    ("doubted", _rate(f"{_G}counts_doubted_total")),)),
                Panel("Clients that left", "reqps", (("left", _rate(f"{_G}client_left_total")),)),
                Panel("Entries of the audit log under a signed head", "short", (
                    ("sealed", "max(mercato_audit_sealed_entries)"),)),
            ],
        },
    ),
}  # fmt: skip


def build(name: str) -> str:
    """The JSON of one dashboard."""
    title, rows = DASHBOARDS[name]
    made = (
        board.Dashboard(title)
        .uid(f"mercato-{name}")
        .tags(["mercato"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("utc")
        .readonly()
        .with_variable(board.DatasourceVariable("source").label("Prometheus").type("prometheus"))
    )
    for row, panels in rows.items():
        made = made.with_row(board.Row(row))
        for panel in panels:
            made = made.with_panel(_panel(panel))
    made_json = json.loads(JSONEncoder(sort_keys=True, indent=2).encode(made.build()))
    return json.dumps(_without_nulls(made_json), indent=1) + "\n"


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _panel(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().title(panel.title).unit(panel.unit).min(0).span(6).height(8).datasource(_SOURCE)
    if panel.text:
        made = made.description(panel.text)
    for number, (legend, query) in enumerate(panel.queries):
        made = made.with_target(
            prometheus.Dataquery().ref_id("ABCDEF"[number]).expr(query).legend_format(legend).datasource(_SOURCE)
        )
    return made


def main() -> int:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(build(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
