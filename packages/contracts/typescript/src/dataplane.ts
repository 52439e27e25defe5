// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * What the control plane and the gateway say to each other, under `/internal`, with the gateway's own token.
 *
 * * `GET /internal/snapshot` is a stream of lines, each one JSON object with a `type`: `begin`, a `service` for each
 * service, `ready`; then the same connection stays open and carries each change within a second, and a `heartbeat`
 * every second. A gateway that loses the stream keeps what it holds and asks anew.
 * * `POST /internal/keys/introspect` answers what a key may do.
 * * `POST /internal/leases` borrows slices of counted scopes, all or nothing for each call.
 * * `POST /internal/usage` ships the spool, in its order; each event is taken once.
 * * `POST /internal/gateways/{gateway}/recovered` says that all spools of earlier lives were shipped, so that what they
 * had borrowed and not spent can go back.
 */

/** A whole snapshot follows; what is not in it by `ready` is gone. */
export interface Begin {
  /** (default: "begin") */
  type?: "begin";
}

/** Forget what is known of all keys of this organisation: a subscription or a budget changed. */
export interface ConsumerChanged {
  /** (default: "consumer_changed") */
  type?: "consumer_changed";
  id: string;
}

/** A subscription of the key's organisation and what it may use. */
export interface GrantedSubscription {
  id: string;
  service_id: string;
  plan_id: string;
  limits: Array<Limit>;
}

/** Nothing changed; the stream is alive. */
export interface Heartbeat {
  /** (default: "heartbeat") */
  type?: "heartbeat";
  at_ms: number;
}

/** Whose key is this? The whole key, over the gateway's authenticated connection. */
export interface IntrospectRequest {
  /** (maxLength: 200) */
  key: string;
}

/** Forget what is known of this key: revoked, rotated or changed. */
export interface KeyChanged {
  /** (default: "key_changed") */
  type?: "key_changed";
  id: string;
}

/** What a key may do. `active` false: unknown, revoked or expired, and nothing else is said. */
export interface KeyGrant {
  active: boolean;
  /** (default: "") */
  key_id?: string;
  /** (default: "") */
  consumer_id?: string;
  /** (default: []) */
  scopes?: Array<string>;
  expires_at_ms?: number | null;
  /** Of the key and of its organisation (default: []) */
  limits?: Array<Limit>;
  /** (default: []) */
  subscriptions?: Array<GrantedSubscription>;
  /** The only services that it calls; `null`: any */
  services?: Array<string> | null;
  /** The only networks that it calls from; `null`: any */
  addresses?: Array<string> | null;
}

/** Either a grant for each want, in their order, or the first denial. */
export interface LeaseAnswer {
  /** (default: []) */
  grants?: Array<LeaseGrant>;
  denied?: LeaseDenial | null;
}

/** All that one gateway process asks for at once; no requests where it only names abandoned batches. */
export interface LeaseBatch {
  gateway: string;
  /** A new id at each start of the process */
  life: string;
  /** Names this asking within the life; never used twice (maxLength: 64, default: "") */
  batch?: string;
  /** Earlier batches whose answers never came: what they may have borrowed goes back unspent (maxItems: 1000, default: []) */
  abandoned?: Array<string>;
  /** (maxItems: 512) */
  requests: Array<LeaseRequest>;
}

/** One answer a request, in their order. */
export interface LeaseBatchAnswer {
  answers: Array<LeaseAnswer>;
}

/**
 * The scope that had too little. `reset_ms`: milliseconds until asking again can succeed.
 *
 * With `may_return` the cap is not used up: what is lacking is lent out, and comes back where it is not spent.
 */
export interface LeaseDenial {
  scope: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  left: number;
  reset_ms: number;
  /** (default: false) */
  may_return?: boolean;
}

/** `granted` units of `scope` until `expires_at_ms`. `left` is what nobody holds now; `reset_ms` when it refills. */
export interface LeaseGrant {
  lease: string;
  scope: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  granted: number;
  expires_at_ms: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  left: number;
  reset_ms: number;
}

/** Slices for one call, all or nothing. Several calls travel in one `LeaseBatch`. */
export interface LeaseRequest {
  /** (minItems: 1, maxItems: 32) */
  wants: Array<LeaseWant>;
}

/** `least` is what the call needs, `most` what the gateway would like to hold for the next ones. */
export interface LeaseWant {
  scope: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  least: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
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
  scope: string;
  unit: "requests" | "tokens" | "nanos" | "concurrent";
  window: "second" | "minute" | "day" | "month" | "ever";
  /** (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  burst?: number;
}

/** A published operation: upper-case method and path template such as `/rounds/{round}`. */
export interface Operation {
  method: string;
  path: string;
}

/** The snapshot is complete. */
export interface Ready {
  /** (default: "ready") */
  type?: "ready";
  services: number;
}

/** The gateway's new life; all spools of earlier ones were shipped. */
export interface Recovered {
  life: string;
}

/** The service takes no more calls. */
export interface ServiceRemoved {
  /** (default: "service_removed") */
  type?: "service_removed";
  id: string;
}

/** The release that takes `percent` of the calls whose range it fits; nobody else gets it but by its version. */
export interface SnapshotCanary {
  version: string;
  /** (minimum: 1, maximum: 99) */
  percent: number;
}

/** A header field that every request to the deployment carries: the vendor's secret, so it is never shown. */
export interface SnapshotCredential {
  /** In lower case */
  header: string;
  value: string;
}

/** A running endpoint of a release. `url` as in the manifest; `weight` 0 takes no new calls. */
export interface SnapshotDeployment {
  id: string;
  url: string;
  /** The addresses that the control plane checked; the gateway connects to no other (default: []) */
  addresses?: Array<string>;
  upstream_model?: string | null;
  /** (minimum: 0, maximum: 1000, default: 100) */
  weight?: number;
  /** (minimum: 1, maximum: 600000, default: 60000) */
  timeout_ms?: number;
  /** (minimum: 1, maximum: 10000, default: 256) */
  max_connections?: number;
  /** (default: "abort") */
  on_disconnect?: "drain" | "abort";
  health_path?: string | null;
  /** (default: []) */
  limits?: Array<Limit>;
  credential?: SnapshotCredential | null;
}

/** The immutable terms of a plan. Its limits come with each subscription of it. */
export interface SnapshotPlan {
  /** (default: "plan") */
  type?: "plan";
  id: string;
  name: string;
  currency: "USD" | "EUR";
  /** (minimum: 0, maximum: 9000000000000000000) */
  monthly_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_call_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_nanos: number;
  included_unit: "requests" | "tokens" | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  included: number;
  overage: boolean;
  /** Services that take a call that none of this one's deployments can, in this order (default: []) */
  fallbacks?: Array<string>;
}

/** One immutable version and where it runs. */
export interface SnapshotRelease {
  id: string;
  version: string;
  status: "live" | "deprecated" | "yanked";
  operations: Array<Operation>;
  deployments: Array<SnapshotDeployment>;
}

/** A service as the gateway routes it: called as `vendor/name[@range]` or under `/s/{vendor}/{name}/…`. */
export interface SnapshotService {
  /** (default: "service") */
  type?: "service";
  id: string;
  vendor_id: string;
  vendor: string;
  name: string;
  title: string;
  /** Seconds since 1970, as OpenAI's model list gives it */
  created: number;
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  paths: "published" | "any";
  /** The most tokens of one call, as the vendor published it */
  context_window?: number | null;
  /** `canary` and other names to an exact version (default: {}) */
  aliases?: Record<string, string>;
  canary?: SnapshotCanary | null;
  releases: Array<SnapshotRelease>;
  plans: Array<SnapshotPlan>;
  /** What it is for; what it is not for is refused by the gateway */
  task?: string | null;
}

/** A piece of one gateway's spool, in its order. `closed` are leases that no later event will spend from. */
export interface UsageBatch {
  gateway: string;
  life: string;
  /** (maxItems: 2000) */
  events: Array<UsageEvent>;
  /** (default: []) */
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
  id: string;
  at_us: number;
  request_id: string;
  gateway: string;
  consumer_id: string;
  key_id: string;
  subscription_id: string;
  plan_id: string;
  vendor_id: string;
  service_id: string;
  release_id: string;
  deployment_id: string;
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  /** (maxLength: 300) */
  operation: string;
  /** (minimum: 100, maximum: 599) */
  status: number;
  streamed: boolean;
  client_left: boolean;
  /** (minimum: 0, maximum: 9000000000000000000) */
  tokens_in: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  tokens_out: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  tokens_cached: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  bytes_in: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  bytes_out: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  first_byte_us: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  duration_us: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  overhead_us: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  included: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  price_nanos: number;
  currency: "USD" | "EUR";
  source: "provider" | "estimated" | "partial";
  spends: Array<[string, number]>;
  asked_service_id?: string | null;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  unpaid_tokens_in?: number;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  unpaid_tokens_out?: number;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  unpaid_nanos?: number;
  ended_by?: string | null;
  doubt?: "input_beyond_request" | "output_beyond_bound" | "output_beyond_answer" | null;
  claimed_tokens_in?: number | null;
  claimed_tokens_out?: number | null;
}

/** What became of a batch: `taken` for the first time, `known` already. */
export interface UsageReceipt {
  taken: number;
  known: number;
}

