// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What publishing receives and answers under `/api`. */

/** A remark for the other people of the operator; vendors do not see it. */
export interface ApprovalCommentRequest {
  /** What to say, 1 to 2,000 characters (minLength: 1, maxLength: 2000, pattern: "^[^\\x00]*$") */
  text: string;
}

/** A comment of one person of the operator for the others. */
export interface ApprovalCommentView {
  /** The comment's id, `apc_…` */
  id: string;
  /** The id of the person */
  person: string;
  /** The person's name */
  name: string;
  /** The comment */
  text: string;
  /** When, UTC (format: "date-time") */
  at: string;
}

/** The same with the comments of the operator's people. */
export interface ApprovalDetail {
  /** The submission */
  submission: SubmissionSummary;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** Who decides */
  approval: ApprovalView;
  /** The evidence of each phase so far */
  phases: Array<EvidenceView>;
  /** How long it waits, or waited until it was decided, in seconds (minimum: 0, maximum: 9000000000000000000) */
  waiting_seconds: number;
  /** By when the operator means to decide, UTC (format: "date-time") */
  due_at: string;
  /** Who looks at it; null where nobody does */
  claim?: ClaimView | null;
  /** The newest 200, oldest first */
  comments: Array<ApprovalCommentView>;
  /** The name of each person who is named here, by id */
  people: Record<string, string>;
}

/** Who decides: a `rule`, or `required_people` persons. */
export interface ApprovalView {
  /** Whether it is decided */
  state: "pending" | "approved" | "rejected";
  /** The rule of the policy that applies */
  rule: string;
  /** How many people have to approve; 0 where the rule decides */
  required_people: number;
  /** Why the rule applies */
  reason: string;
  /** What people decided so far */
  votes: Array<VoteView>;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it was decided, UTC; null while it is pending */
  decided_at: string | null;
}

/** Why a person decides before the rule does. */
export interface CanaryEndRequest {
  /** Why, 3 to 2,000 characters (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** What was metered of one release since the canary started; `p95_us` is the time to the first byte. */
export interface CanaryFigures {
  /** The version that was measured */
  version: string;
  /** Calls since the canary started */
  calls: number;
  /** Failed calls among them */
  failed: number;
  /** The time to the first byte that 95 of 100 calls stay within, in microseconds; null without one */
  p95_us: number | null;
}

/** Some canaries of a service, the newest first; `next` is the `after` of the next page. */
export interface CanaryPage {
  /** The canaries of this page, newest first */
  items: Array<CanaryView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** Try `version`, the highest of the service, on a share of the calls. */
export interface CanaryRequest {
  /** The canary's share of the calls (minimum: 1, maximum: 99, default: 10) */
  percent?: number;
  /** How many calls each of the two releases needs before the canary is judged (minimum: 10, maximum: 1000000, default: 100) */
  min_calls?: number;
  /** The earliest promotion, in minutes after the canary's start (minimum: 0, maximum: 10080, default: 10) */
  min_minutes?: number;
  /** How far its error rate may exceed the stable release's, in hundredths of a percent (minimum: 0, maximum: 10000, default: 100) */
  max_error_points?: number;
  /** The highest p95 that is accepted, in percent of the stable release's p95 (minimum: 100, maximum: 10000, default: 150) */
  max_p95_percent?: number;
  /** The version to try; the highest of the service (maxLength: 64, pattern: "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$") */
  version: string;
}

/** A canary: while it runs with the figures so far, afterwards with those that ended it and the reason. */
export interface CanaryView {
  /** The canary's share of the calls (minimum: 1, maximum: 99, default: 10) */
  percent?: number;
  /** How many calls each of the two releases needs before the canary is judged (minimum: 10, maximum: 1000000, default: 100) */
  min_calls?: number;
  /** The earliest promotion, in minutes after the canary's start (minimum: 0, maximum: 10080, default: 10) */
  min_minutes?: number;
  /** How far its error rate may exceed the stable release's, in hundredths of a percent (minimum: 0, maximum: 10000, default: 100) */
  max_error_points?: number;
  /** The highest p95 that is accepted, in percent of the stable release's p95 (minimum: 100, maximum: 10000, default: 150) */
  max_p95_percent?: number;
  /** The canary's id, `cny_…` */
  id: string;
  /** The version on trial */
  version: string;
  /** How it stands */
  state: "running" | "promoted" | "rolled_back" | "aborted" | "superseded";
  /** Why it ended; empty while it runs */
  reason: string;
  /** Figures of the version on trial; null before the first call */
  canary: CanaryFigures | null;
  /** Figures of the other releases; null before the first call */
  stable: CanaryFigures | null;
  /** The id of who started it */
  started_by: string;
  /** When it started, UTC (format: "date-time") */
  started_at: string;
  /** The id of the person or process that ended it; empty while it runs */
  ended_by: string;
  /** When it ended, UTC; null while it runs */
  ended_at: string | null;
}

/** Whether to take it from whoever holds it. */
export interface ClaimRequest {
  /** Claim it although another person has claimed it (default: false) */
  take_over?: boolean;
}

/** Who looks at a submission. */
export interface ClaimView {
  /** The id of the person */
  person: string;
  /** The person's name */
  name: string;
  /** Since when, UTC (format: "date-time") */
  at: string;
}

/** One person's word and why. */
export interface DecisionRequest {
  /** `approve` or `reject` */
  decision: "approve" | "reject";
  /** Why, 3 to 2,000 characters (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
  /** The submission's digest as you read it; refused where it is another one by now */
  digest?: string | null;
}

/** What a phase left behind. */
export interface EvidenceView {
  /** The phase's number, 1 to 10 (minimum: 1, maximum: 10) */
  phase: number;
  /** The phase's name */
  name: string;
  /** How the phase ended */
  outcome: "passed" | "warned" | "failed" | "waiting";
  /** What it found */
  findings: Array<FindingView>;
  /** What it learned, by name */
  facts: Record<string, unknown>;
  /** When the phase began, UTC (format: "date-time") */
  started_at: string;
  /** When the phase ended, UTC (format: "date-time") */
  ended_at: string;
}

/** One thing a check found. `where` is a field of the manifest or a JSON pointer into the OpenAPI document. */
export interface FindingView {
  /** The stable code of the finding */
  code: string;
  /** Only an `error` refuses a release */
  level: "error" | "warning" | "info";
  /** A field of the manifest, or a JSON pointer into the OpenAPI document */
  where: string;
  /** What was found, in one sentence */
  message: string;
  /** What to do about it */
  fix: string;
}

/** A published operation. */
export interface OperationView {
  /** The HTTP method, in upper case */
  method: string;
  /** The path template */
  path: string;
  /** The operation's name in the document; empty: none */
  operation_id: string;
  /** What it does, in a few words */
  summary: string;
  /** Whether its document discourages it */
  deprecated: boolean;
}

/** A limit of a plan. */
export interface PlanLimit {
  /** What is counted; `concurrent` is the number of calls in progress */
  unit: "requests" | "tokens" | "concurrent";
  /** The window. Required for requests and tokens; leave it out for `concurrent` (default: "ever") */
  per?: "second" | "minute" | "day" | "month" | "ever";
  /** The most that one window allows (minimum: 1, maximum: 1000000000000000) */
  amount: number;
  /** The size of the token bucket, for `second` and `minute` only; `amount` if not given */
  burst?: number | null;
  /** Whether each subscription has this limit or all of the plan share it (default: "subscription") */
  across?: "subscription" | "plan";
}

/** A way to buy the service. Its terms never change; amounts in whole nano-units. */
export interface PlanView {
  /** The plan's id, `pln_…` */
  id: string;
  /** The name that subscriptions use */
  name: string;
  /** The title, in a few words */
  title: string;
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
  /** What the plan includes each month; null where it includes nothing */
  included_unit: "requests" | "tokens" | null;
  /** How many of that unit a month (minimum: 0, maximum: 9000000000000000000) */
  included: number;
  /** Whether calls beyond the included units are priced, not refused */
  overage: boolean;
  /** The plan's limits */
  limits: Array<PlanLimit>;
  /** Services that take a call that this one cannot, in order (default: []) */
  fallbacks?: Array<string>;
}

/**
 * One change between two releases; `where` points into a document or names a field of the manifest.
 *
 * `breaking`: a caller written for the earlier release may fail. `unclear`: nobody can tell, so it counts as breaking.
 * `addition`: something new that callers may use. `other`: nothing a caller must follow.
 */
export interface ReleaseChange {
  /** What the change means for callers */
  weight: "breaking" | "unclear" | "addition" | "other";
  /** The stable name of the kind of change, such as `request.property.required` */
  rule: string;
  /** A JSON pointer into a document, or a field of the manifest */
  where: string;
  /** What changed, in one sentence */
  message: string;
}

/**
 * What changed from the lower of two versions to the higher one, what breaks callers first.
 *
 * `bump` is the least step of SemVer that may carry the changes, and `least` the lowest version that makes it.
 * `keeps_semver` is whether the later version is that high. A comparison that is not `complete` counts as breaking.
 */
export interface ReleaseDiffView {
  /** The service, `vendor/name` */
  service: string;
  /** The lower version */
  earlier: string;
  /** The higher version */
  later: string;
  /** Whether callers of the lower version may break */
  breaking: boolean;
  /** Whether everything was compared */
  complete: boolean;
  /** The least step of SemVer that may carry the changes */
  bump: "major" | "minor" | "patch";
  /** The lowest version that makes that step */
  least: string;
  /** Whether the later version is at least that high */
  keeps_semver: boolean;
  /** What changed, breaking changes first */
  changes: Array<ReleaseChange>;
}

/** One immutable version. */
export interface ReleaseView {
  /** The release's id, `rel_…` */
  id: string;
  /** The SemVer version */
  version: string;
  /** Whether it is offered, discouraged, or taken back */
  status: "live" | "deprecated" | "yanked";
  /** Why it is deprecated or yanked; empty while it is live */
  status_reason: string;
  /** When it was released, UTC (format: "date-time") */
  released_at: string;
  /** SHA-256 of its OpenAPI document; null without one */
  document_digest: string | null;
  /** The operations that its document publishes */
  operations: Array<OperationView>;
}

/** A listed service with its releases, newest first, and the plans that are open. */
export interface ServiceView {
  /** The service's id, `svc_…` */
  id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The vendor's full name */
  vendor_name: string;
  /** Whether the operator vouches for the vendor */
  vendor_verified: boolean;
  /** The service's name within its vendor */
  name: string;
  /** The title, in a few words */
  title: string;
  /** What the service does, in one sentence */
  summary: string;
  /** All about it, Markdown */
  description: string;
  /** The protocol that it speaks */
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  /** What it is for */
  task: "embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other";
  /** Which paths calls may use */
  paths: "published" | "any";
  /** An SPDX expression, or `proprietary` */
  licence: string;
  /** Words to find it by */
  tags: Array<string>;
  /** What it reads and writes, such as `text` or `tabular` */
  modalities: Array<string>;
  /** Where it runs */
  regions: Array<string>;
  /** The most tokens of one call; null where it has no such limit */
  context_window: number | null;
  /** The version that calls without a range get */
  latest_version: string;
  /** `private`: only its vendor and organisations that it names find and call it (default: "public") */
  visibility?: "public" | "private";
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When its listing last changed, UTC (format: "date-time") */
  updated_at: string;
  /** Its releases, newest first */
  releases: Array<ReleaseView>;
  /** The open plans */
  plans: Array<PlanView>;
}

/** Why a release is deprecated or yanked; consumers read it. */
export interface StatusRequest {
  /** Why, 3 to 2,000 characters (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** Some submissions, the newest first; `next` is the `after` of the next page. */
export interface SubmissionPage {
  /** The submissions of this page, newest first */
  items: Array<SubmissionSummary>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A submission without its evidence. `service` is what `vendor` calls it. */
export interface SubmissionSummary {
  /** The submission's id, `sbm_…` */
  id: string;
  /** The vendor's short name, as in `vendor/name` (default: "") */
  vendor?: string;
  /** The service's name within its vendor */
  service: string;
  /** The version that was submitted */
  version: string;
  /** SHA-256 of everything that was submitted */
  digest: string;
  /** Where the submission stands */
  state: "received" | "checking" | "waiting" | "released" | "refused";
  /** The id of the person or key that submitted it */
  created_by: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it was released or refused, UTC; null while it is neither */
  ended_at: string | null;
}

/** A submission and what each phase found. */
export interface SubmissionView {
  /** The submission's id, `sbm_…` */
  id: string;
  /** The vendor's short name, as in `vendor/name` (default: "") */
  vendor?: string;
  /** The service's name within its vendor */
  service: string;
  /** The version that was submitted */
  version: string;
  /** SHA-256 of everything that was submitted */
  digest: string;
  /** Where the submission stands */
  state: "received" | "checking" | "waiting" | "released" | "refused";
  /** The id of the person or key that submitted it */
  created_by: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it was released or refused, UTC; null while it is neither */
  ended_at: string | null;
  /** The evidence of each phase so far */
  phases: Array<EvidenceView>;
  /** Who decides; null before the policy phase */
  approval: ApprovalView | null;
}

/** The text of `service.yaml`, and of the OpenAPI document where the manifest names one. */
export interface SubmitRequest {
  /** The text of `service.yaml` */
  manifest: string;
  /** The text of the OpenAPI document; left out where the manifest names none */
  openapi?: string | null;
}

/** One person's decision. */
export interface VoteView {
  /** The id of the person */
  person: string;
  /** What the person decided */
  decision: "approve" | "reject";
  /** Why */
  reason: string;
  /** When, UTC (format: "date-time") */
  at: string;
}

/** What waits, the oldest first, or what was decided, the newest first; `next` is the `after` of the next page. */
export interface WaitingPage {
  /** The submissions of this page */
  items: Array<WaitingView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A submission that waits for people, or was decided by them: what was found, in short. */
export interface WaitingView {
  /** The submission */
  submission: SubmissionSummary;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** Who decides */
  approval: ApprovalView;
  /** The evidence of each phase so far */
  phases: Array<EvidenceView>;
  /** How long it waits, or waited until it was decided, in seconds (minimum: 0, maximum: 9000000000000000000) */
  waiting_seconds: number;
  /** By when the operator means to decide, UTC (format: "date-time") */
  due_at: string;
  /** Who looks at it; null where nobody does */
  claim?: ClaimView | null;
}

