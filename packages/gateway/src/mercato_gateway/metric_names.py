"""What each metric of the gateway means: the `# HELP` lines, and the list that dashboards and alerts are held to."""

PREFIX = "mercato_gateway_"

MEANINGS = {
    "bounds_lowered_total": "Calls whose output limit was lowered to what their budget allows",
    "calls_in_flight": "Calls that are not answered yet",
    "calls_total": "Calls that a service answered, by status",
    "certificate_expires_timestamp_seconds": "When the certificate of this listener expires",
    "client_left_total": "Calls whose client closed the connection before the end",
    "connections": "Open connections of clients",
    "connections_limit": "The most connections of clients",
    "counts_doubted_total": "Calls whose service reported counts that cannot be true",
    "deployments_ejected": "Deployments that get no calls because they failed",
    "draining": "Whether the worker is stopping",
    "fallbacks_total": "Calls that went to another service because the first one failed",
    "health_checks_failed_total": "Health checks of deployments that failed",
    "health_checks_total": "Health checks of deployments",
    "key_introspections_total": "Keys that the control plane was asked about",
    "keys_known": "Keys in the cache",
    "lease_requests_total": "Requests for budget to the control plane",
    "overhead_seconds": "Time that the gateway itself added to an answered call",
    "parse_errors_total": "Requests that are not valid HTTP",
    "refused_total": "Calls that the gateway refused, by code",
    "retries_total": "Attempts after a failed one",
    "services": "Services with routes",
    "snapshot_ready": "Whether the worker has routes",
    "spool_behind_bytes": "Usage that the control plane has not taken yet",
    "spool_bytes": "Usage on the disk",
    "spool_full": "Whether new calls are refused because usage cannot be stored",
    "spool_limit_bytes": "The most bytes of usage on the disk",
    "spool_unshipped_seconds": "Age of the oldest usage that the control plane has not taken",
    "spool_unwritten": "Usage events that could not be written",
    "streams_ended_total": "Streams that the gateway ended",
    "usage_rejected_total": "Usage events that the control plane rejected",
    "usage_ship_failures_total": "Batches of usage that could not be sent",
    "usage_shipped_total": "Usage events that the control plane took",
}
"""By the name without its prefix."""
