"""What the document says of the API as a whole, and of each group of operations."""

DESCRIPTION = """\
The control plane of a Mercato marketplace: publish, approve, find, subscribe to, meter and bill AI models and
services. Calls to services go through the gateway, which has a document of its own.

**Credentials.** Every request that needs one sends `Authorization: Bearer` with a session's access token or a key.
Each operation names the kinds it takes, the permission it needs and the roles that have it.

**Errors** are `application/problem+json` (RFC 9457). `code` never changes its meaning, `detail` says what happened,
`fix` what to do, `errors` which fields are meant, and `request_id` what to quote. Every operation lists its codes.

**Repeating a request.** GET, PUT and DELETE may be sent again: the outcome is the same. A POST may be sent again with
the same `Idempotency-Key` and body: it gets the first answer and does nothing twice.

**Pages.** A list answers `items` and `next`. Send `next` as `after` (or `before`, where the newest come first by
time) to get the following page; `null` means that there is none. `limit` is how many items a page has at most.

**Allowances.** `RateLimit` and `RateLimit-Policy` say what is left of the caller's requests; past it, 429 with
`Retry-After`.

**Values.** Ids are a prefix and a UUIDv7 without hyphens. Times are RFC 3339 in UTC. Money is in nano-units of its
currency: 1 USD is 1,000,000,000. Unknown fields in a body are refused.
"""

TAGS: list[dict[str, str]] = [
    {"name": "identity", "description": "Organisations, people, sessions, keys, and logins of devices."},
    {"name": "discovery", "description": "Search and the public catalogue."},
    {"name": "publishing", "description": "Submissions, approvals, services, releases and canaries."},
    {"name": "credentials", "description": "Secrets that a vendor's own endpoints ask for."},
    {"name": "subscriptions", "description": "Which organisation may call which service, under which plan."},
    {"name": "governance", "description": "Services, releases, evidence and approvals by GraphQL, and live changes."},
    {"name": "usage", "description": "Metered calls, totals and budgets."},
    {"name": "billing", "description": "Invoices, payouts, adjustments and the operator's ledger."},
    {"name": "service levels", "description": "What a service promises, what it does, and alerts on the difference."},
    {"name": "status", "description": "Public status of every listed service."},
    {"name": "webhooks", "description": "Signed messages to an address of yours when something happens."},
    {"name": "deployments", "description": "Running endpoints of releases: links, tokens and heartbeats."},
    {"name": "data", "description": "Datasets, their rounds and files."},
    {"name": "training", "description": "Training runs: start, follow, stop, fetch what they left."},
    {"name": "desk", "description": "Signals, scores, consensus, kill switches and the desk's record."},
    {"name": "audit", "description": "What everybody did: sealed entries, signed heads, proofs."},
    {
        "name": "operator",
        "description": "The overview, announcements, settings, everybody's keys, workflows and queues.",
    },
    {"name": "privacy", "description": "Erasure of people, legal holds, copies of what is known, how long rows stay."},
    {"name": "files", "description": "Files behind signed links."},
    {"name": "health", "description": "Whether the process lives and may take requests."},
]
