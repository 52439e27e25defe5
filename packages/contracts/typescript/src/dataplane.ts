// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The messages between control plane and gateway, under `/internal`, with the gateway's own token.
 *
 * * `GET /internal/snapshot` is a stream of lines, each one JSON object with a `type`: `begin`, a `service` for each
 * service, `ready`; then the same connection stays open and carries each change within a second, and a `heartbeat`
 * every second. A gateway that loses the stream keeps what it holds and asks anew.
 * * `POST /internal/keys/introspect` answers what a key may do.
 * * `POST /internal/leases` borrows slices of counted scopes, all or nothing for each call.
 * * `POST /internal/usage` ships the spool, in its order; each event is taken once.
 * * `POST /internal/gateways/{gateway}/recovered`: earlier lives' spools were shipped, what they left unspent returns.
 */

/** A whole snapshot follows; what is not in it by `ready` is gone. */
export interface Begin {
  /** What kind of line this is (default: "begin") */
  type?: "begin";
  /** The control plane's time, milliseconds since 1970 */
  at_ms?: number | null;
}

/** Forget the grants of all keys of this organisation: a subscription or a budget changed. */
export interface ConsumerChanged {
  /** What kind of line this is (default: "consumer_changed") */
  type?: "consumer_changed";
  /** The organisation's id, `org_…` */
  id: string;
}

/** A subscription of the key's organisation and what it may use. */
export interface GrantedSubscription {
  /** The subscription's id, `sub_…` */
  id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** Everything that limits its calls */
  limits: Array<Limit>;
}

/** Nothing changed; the stream is alive. */
export interface Heartbeat {
  /** What kind of line this is (default: "heartbeat") */
  type?: "heartbeat";
  /** The control plane's time, milliseconds since 1970 */
  at_ms: number;
}

/** Ask whose key this is: the whole key, over the gateway's authenticated connection. */
export interface IntrospectRequest {
  /** The key's whole text; never logged (maxLength: 200) */
  key: string;
}

/** Forget this key's grant: it was revoked, rotated or changed. */
export interface KeyChanged {
  /** What kind of line this is (default: "key_changed") */
  type?: "key_changed";
  /** The key's id, `key_…` */
  id: string;
}

/** What a key may do. `active` false: unknown, revoked or expired; no other field is set then. */
export interface KeyGrant {
  /** Whether the key is in force */
  active: boolean;
  /** The key's id, `key_…` (default: "") */
  key_id?: string;
  /** The id of the organisation that calls and pays, `org_…` (default: "") */
  consumer_id?: string;
  /** What the key may do (default: []) */
  scopes?: Array<string>;
  /** When it expires, milliseconds since 1970; null: never */
  expires_at_ms?: number | null;
  /** Of the key and of its organisation (default: []) */
  limits?: Array<Limit>;
  /** Its organisation's active ones (default: []) */
  subscriptions?: Array<GrantedSubscription>;
  /** The only services that it calls; `null`: any */
  services?: Array<string> | null;
  /** The only networks that it calls from; `null`: any */
  addresses?: Array<string> | null;
}

/** Either a grant for each want, in their order, or the first denial. */
export interface LeaseAnswer {
  /** A grant for each want, in order; empty when denied (default: []) */
  grants?: Array<LeaseGrant>;
  /** The first limit with too little; null: granted */
  denied?: LeaseDenial | null;
}

/** All that one gateway process requests at once; without requests it only names abandoned batches. */
export interface LeaseBatch {
  /** The gateway's id, `gtw_…` */
  gateway: string;
  /** A new id at each start of the process */
  life: string;
  /** Names this asking within the life; never used twice (maxLength: 64, default: "") */
  batch?: string;
  /** Earlier batches whose answers never came: what they may have borrowed goes back unspent (maxItems: 1000, default: []) */
  abandoned?: Array<string>;
  /** One for each call, at most 512 (maxItems: 512) */
  requests: Array<LeaseRequest>;
}

/** One answer a request, in their order. */
export interface LeaseBatchAnswer {
  /** One answer for each request, in order */
  answers: Array<LeaseAnswer>;
}

/**
 * The scope that had too little. `reset_ms`: milliseconds until asking again can succeed.
 *
 * With `may_return` the cap is not used up: what is lacking is lent out, and comes back where it is not spent.
 */
export interface LeaseDenial {
  /** The whole name of the limit */
  scope: string;
  /** The most units of one window (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
  /** Units that nobody holds now (minimum: 0, maximum: 9000000000000000000) */
  left: number;
  /** Milliseconds until a retry can succeed */
  reset_ms: number;
  /** Whether lent units may come back before the window ends (default: false) */
  may_return?: boolean;
}

/** `granted` units of `scope` until `expires_at_ms`. `left` is what nobody holds now; `reset_ms` when it refills. */
export interface LeaseGrant {
  /** The lease's id, `lse_…` */
  lease: string;
  /** The whole name of the limit */
  scope: string;
  /** Units lent (minimum: 0, maximum: 9000000000000000000) */
  granted: number;
  /** Until when they may be spent, milliseconds since 1970 */
  expires_at_ms: number;
  /** The most units of one window (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
  /** Units that nobody holds now (minimum: 0, maximum: 9000000000000000000) */
  left: number;
  /** Milliseconds until the window refills */
  reset_ms: number;
}

/** Slices for one call, all or nothing. Several calls travel in one `LeaseBatch`. */
export interface LeaseRequest {
  /** One for each limit of the call, 1 to 32 (minItems: 1, maxItems: 32) */
  wants: Array<LeaseWant>;
}

/** `least` is what the call needs, `most` what the gateway would like to hold for the next ones. */
export interface LeaseWant {
  /** The whole name of the limit */
  scope: string;
  /** What this call needs, in the limit's unit (minimum: 0, maximum: 9000000000000000000) */
  least: number;
  /** What the gateway would like to hold, in the same unit (minimum: 0, maximum: 9000000000000000000) */
  most: number;
}

/**
 * A cap on one scope, and the scope's whole name: `subscription:sub_…:tokens:month` or `…:included:month`.
 *
 * `second` and `minute` are token buckets of size `burst` that refill at `cap` a window; `day` and `month` are quotas
 * of the calendar day and month in UTC. `nanos` is a money budget. `included` (as unit in the name) is what a plan
 * covers: running out of it is no refusal where `overage` is true, the call is then priced.
 */
export interface Limit {
  /** The whole name of what is limited */
  scope: string;
  /** What is counted */
  unit: "requests" | "tokens" | "nanos" | "concurrent";
  /** Over which time; `ever` has no end */
  window: "second" | "minute" | "day" | "month" | "ever";
  /** The most units of one window (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
  /** The most units at once, for `second` and `minute` (minimum: 0, maximum: 9000000000000000000, default: 0) */
  burst?: number;
}

/** A published operation: upper-case method and path template such as `/rounds/{round}`. */
export interface Operation {
  /** The HTTP method, in upper case */
  method: string;
  /** The path template */
  path: string;
}

/** The snapshot is complete. */
export interface Ready {
  /** What kind of line this is (default: "ready") */
  type?: "ready";
  /** How many services the snapshot has */
  services: number;
  /** The control plane's time, milliseconds since 1970 */
  at_ms?: number | null;
}

/** The gateway's new life; all spools of earlier ones were shipped. */
export interface Recovered {
  /** The id of the gateway's new life */
  life: string;
}

/** The service takes no more calls. */
export interface ServiceRemoved {
  /** What kind of line this is (default: "service_removed") */
  type?: "service_removed";
  /** The service's id, `svc_…` */
  id: string;
}

/** The release that takes `percent` of the calls whose range it fits; nobody else gets it but by its version. */
export interface SnapshotCanary {
  /** The version on trial */
  version: string;
  /** Its share of the calls, in percent (minimum: 1, maximum: 99) */
  percent: number;
}

/** A header field that every request to the deployment carries: the vendor's secret, so it is never shown. */
export interface SnapshotCredential {
  /** In lower case */
  header: string;
  /** The field's whole value, with its prefix; never logged */
  value: string;
}

/** A running endpoint of a release. `url` as in the manifest; `weight` 0 takes no new calls. */
export interface SnapshotDeployment {
  /** The deployment's id, `dep_…` */
  id: string;
  /** The endpoint's base URL */
  url: string;
  /** The addresses that the control plane checked; the gateway connects to no other (default: []) */
  addresses?: Array<string>;
  /** The endpoint's own name of the model; null: the caller's */
  upstream_model?: string | null;
  /** Its share of the release's new calls (minimum: 0, maximum: 1000, default: 100) */
  weight?: number;
  /** Milliseconds that a response, and each further part of it, may take (minimum: 1, maximum: 600000, default: 60000) */
  timeout_ms?: number;
  /** The most, per gateway process (minimum: 1, maximum: 10000, default: 256) */
  max_connections?: number;
  /** What happens to a call whose client leaves: read to its end, or cut off (default: "abort") */
  on_disconnect?: "drain" | "abort";
  /** The path of the endpoint's health check; null: none */
  health_path?: string | null;
  /** Limits of the deployment itself (default: []) */
  limits?: Array<Limit>;
  /** The header field it needs; null: none */
  credential?: SnapshotCredential | null;
}

/** The immutable terms of a plan. Its limits come with each subscription of it. */
export interface SnapshotPlan {
  /** What kind of line this is (default: "plan") */
  type?: "plan";
  /** The plan's id, `pln_…` */
  id: string;
  /** The plan's name */
  name: string;
  /** The currency of its prices */
  currency: "USD" | "EUR";
  /** The monthly fee, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  monthly_nanos: number;
  /** The price of a call, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_call_nanos: number;
  /** The price of 1,000 input tokens, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_nanos: number;
  /** The price of 1,000 output tokens, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_nanos: number;
  /** What the plan includes; null: nothing */
  included_unit: "requests" | "tokens" | null;
  /** How many of that unit a month (minimum: 0, maximum: 9000000000000000000) */
  included: number;
  /** Whether calls beyond the included units are priced, not refused */
  overage: boolean;
  /** Services that take a call that none of this one's deployments can, in this order (default: []) */
  fallbacks?: Array<string>;
}

/** One immutable version and where it runs. */
export interface SnapshotRelease {
  /** The release's id, `rel_…` */
  id: string;
  /** The SemVer version */
  version: string;
  /** Whether it is offered, discouraged, or gone */
  status: "live" | "deprecated" | "yanked";
  /** The operations that its document publishes */
  operations: Array<Operation>;
  /** Where it runs */
  deployments: Array<SnapshotDeployment>;
}

/** A service as the gateway routes it: called as `vendor/name[@range]` or under `/s/{vendor}/{name}/…`. */
export interface SnapshotService {
  /** What kind of line this is (default: "service") */
  type?: "service";
  /** The service's id, `svc_…` */
  id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The service's name within its vendor */
  name: string;
  /** The title, in a few words */
  title: string;
  /** Seconds since 1970, as OpenAI's model list gives it */
  created: number;
  /** The protocol that it speaks */
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  /** Which paths calls may use */
  paths: "published" | "any";
  /** The most tokens of one call, as the vendor published it */
  context_window?: number | null;
  /** `canary` and other names to an exact version (default: {}) */
  aliases?: Record<string, string>;
  /** The canary that runs; null: none */
  canary?: SnapshotCanary | null;
  /** Its releases */
  releases: Array<SnapshotRelease>;
  /** The plans of its subscriptions and offers */
  plans: Array<SnapshotPlan>;
  /** What it is for; what it is not for is refused by the gateway */
  task?: string | null;
  /** Who may call a private service; null: it is public */
  callers?: Array<string> | null;
}

/** A part of one gateway's spool, in order. `closed` are leases that no later event will spend from. */
export interface UsageBatch {
  /** The gateway's id, `gtw_…` */
  gateway: string;
  /** The id of the process's life */
  life: string;
  /** The events in the spool's order, at most 2,000 (maxItems: 2000) */
  events: Array<UsageEvent>;
  /** Ids of leases that no later event will spend from (default: []) */
  closed?: Array<string>;
}

/**
 * One metered call. Ids are UUIDv7 with a prefix, times microseconds, money nano-units.
 *
 * `source` says who counted the tokens: the `provider`; the gateway, `estimated`; or nobody to the end, `partial`.
 * `asked_service_id` is there where a fallback answered: the service that the call had named. `spends` is what the
 * call used of each lease: `[lease id, units]`. A call that is not owed (`pricing.is_owed`) is an
 * event with price 0.
 *
 * Tokens, `included` and price are what is charged: never more than the call held of every limit. What the service
 * used beyond that is its own loss: `unpaid_tokens_in`, `unpaid_tokens_out`, and `unpaid_nanos`, their price.
 * `ended_by` is the code of the limit that ended a stream before its time. Where the service's counts cannot be true,
 * `doubt` says why; the tokens are then the gateway's own count, and the `claimed_` fields those of the service.
 */
export interface UsageEvent {
  /** The event's id, `use_…`; taken once */
  id: string;
  /** When the call began, microseconds since 1970 */
  at_us: number;
  /** The id of the request, `req_…`, as it stands in the response and the logs */
  request_id: string;
  /** The gateway's id, `gtw_…` */
  gateway: string;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the key that called, `key_…` */
  key_id: string;
  /** The subscription's id, `sub_…` */
  subscription_id: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The release's id, `rel_…` */
  release_id: string;
  /** The id of the deployment that answered, `dep_…` */
  deployment_id: string;
  /** The protocol of the call */
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  /** What was called: method and path template, or the protocol's name for it (maxLength: 300) */
  operation: string;
  /** The HTTP status that the client got (minimum: 100, maximum: 599) */
  status: number;
  /** Whether the response was a stream */
  streamed: boolean;
  /** Whether the client left before the end */
  client_left: boolean;
  /** Input tokens that are charged (minimum: 0, maximum: 9000000000000000000) */
  tokens_in: number;
  /** Output tokens that are charged (minimum: 0, maximum: 9000000000000000000) */
  tokens_out: number;
  /** Input tokens that the service had in its cache (minimum: 0, maximum: 9000000000000000000) */
  tokens_cached: number;
  /** Bytes of the request's body (minimum: 0, maximum: 9000000000000000000) */
  bytes_in: number;
  /** Bytes of the response's body (minimum: 0, maximum: 9000000000000000000) */
  bytes_out: number;
  /** Microseconds until the first byte of the response (minimum: 0, maximum: 9000000000000000000) */
  first_byte_us: number;
  /** Microseconds until the last byte of the response (minimum: 0, maximum: 9000000000000000000) */
  duration_us: number;
  /** Microseconds of those that the gateway itself took (minimum: 0, maximum: 9000000000000000000) */
  overhead_us: number;
  /** Units that the plan covered: calls or tokens (minimum: 0, maximum: 9000000000000000000) */
  included: number;
  /** What is charged, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  price_nanos: number;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: "USD" | "EUR";
  /** Who counted the tokens: the `provider`, the gateway (`estimated`), or nobody to the end */
  source: "provider" | "estimated" | "partial";
  /** What was spent of each lease: `[lease id, units]` */
  spends: Array<[string, number]>;
  /** The service that the call had named, where a fallback answered; else null */
  asked_service_id?: string | null;
  /** Input tokens beyond the call's limits, charged to nobody (minimum: 0, maximum: 9000000000000000000, default: 0) */
  unpaid_tokens_in?: number;
  /** Output tokens beyond the call's limits, charged to nobody (minimum: 0, maximum: 9000000000000000000, default: 0) */
  unpaid_tokens_out?: number;
  /** The price of what was used beyond the call's limits, in nano-units (minimum: 0, maximum: 9000000000000000000, default: 0) */
  unpaid_nanos?: number;
  /** The code of the limit that ended the stream; null where none did */
  ended_by?: string | null;
  /** Why the service's token counts cannot be true; null where they can */
  doubt?: "input_beyond_request" | "output_beyond_bound" | "output_beyond_answer" | null;
  /** Input tokens that the service claimed; null without a doubt */
  claimed_tokens_in?: number | null;
  /** Output tokens that the service claimed; null without a doubt */
  claimed_tokens_out?: number | null;
}

/** The outcome of a batch: events `taken` for the first time, and `known` already. */
export interface UsageReceipt {
  /** Events taken for the first time */
  taken: number;
  /** Events that were known already */
  known: number;
}

