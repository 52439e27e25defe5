// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Listings beside search results: suggestions, what is similar, comparisons, vendors, figures, rankings. */

/** Every task with services, the largest first. */
export interface CategoryList {
  /** The rows, in order */
  items: Array<CategoryView>;
}

/** A task, how many services do it, and those that are called most. */
export interface CategoryView {
  /** What it is for */
  task: string;
  /** The title, in a few words */
  title: string;
  /** The services; how many, or each in the order asked (minimum: 0, maximum: 9000000000000000000) */
  services: number;
  /** Those that are called most */
  top: Array<ListingView>;
}

/** One line of a comparison: the number of each service in their order, and which of them are best. */
export interface ComparedNumber {
  /** What the number is */
  name: string;
  /** The unit of the values */
  unit: "nanos" | "tokens" | "us" | "bp" | "hundredths" | "count";
  /** Which end is better */
  better: "lower" | "higher";
  /** The number of each service; null: not known */
  values: Array<number | null>;
  /** Places of the best, from 0; empty where fewer than two are known */
  best: Array<number>;
}

/** One column of a comparison. */
export interface ComparedService {
  /** The listing in short */
  listing: ListingView;
  /** The vendor's name */
  vendor_name: string;
  /** Whether an operator verified the vendor */
  vendor_verified: boolean;
  /** The state of the newest release */
  status: string;
  /** What goes in */
  inputs: Array<string>;
  /** What comes out */
  outputs: Array<string>;
  /** What it reads and writes */
  modalities: Array<string>;
  /** Where it runs */
  regions: Array<string>;
  /** What the vendor promises, in ten thousandths; null: nothing */
  promised_availability_bp: number | null;
  /** What the vendor promises, in milliseconds; null: nothing */
  promised_p95_ms: number | null;
  /** How many operations the newest release has (minimum: 0, maximum: 9000000000000000000) */
  operations: number;
  /** When the newest release was made, UTC (format: "date-time") */
  released_at: string;
  /** The open plans */
  plans: Array<PlanView>;
  /** What was measured of it */
  measured: MeasuredExactly;
}

/** Up to four services side by side, in the order asked. Prices are those of `currency`. */
export interface ComparisonAnswer {
  /** The currency of the prices */
  currency: "USD" | "EUR";
  /** The services; how many, or each in the order asked */
  services: Array<ComparedService>;
  /** The numbers, by name */
  numbers: Array<ComparedNumber>;
}

/** A listing in short. */
export interface ListingView {
  /** The service's id */
  service_id: string;
  /** `vendor/name` */
  name: string;
  /** The vendor's name in addresses */
  vendor: string;
  /** The title, in a few words */
  title: string;
  /** What the service does, in one sentence */
  summary: string;
  /** The newest release, a SemVer version */
  version: string;
  /** The protocol that it speaks */
  protocol: string;
  /** What it is for */
  task: string;
  /** An SPDX expression, or `proprietary` */
  licence: string;
  /** Words to find it by */
  tags: Array<string>;
  /** The most tokens of one call; null where it has no such limit */
  context_window: number | null;
  /** What each open plan charges */
  prices: Array<PriceView>;
  /** What was measured of it */
  measured: MeasuredView;
  /** Whether only some organisations see it, yours among them (default: false) */
  private?: boolean;
}

/** What 30 days of calls by others than its vendor say of a service; null: not known. */
export interface MeasuredExactly {
  /** Answered calls by others than the vendor (minimum: 0, maximum: 9000000000000000000) */
  calls: number;
  /** Organisations that called (minimum: 0, maximum: 9000000000000000000) */
  consumers: number;
  /** Calls that count against the vendor, its own among them (minimum: 0, maximum: 9000000000000000000) */
  failed: number;
  /** The time that half of the answers kept, in microseconds */
  p50_us: number | null;
  /** The time that 95 of 100 answers kept, in microseconds */
  p95_us: number | null;
  /** Calls that did not fail by the vendor's fault, in ten thousandths */
  availability_bp: number | null;
  /** Whether it keeps what its vendor promises */
  sla_met: boolean | null;
  /** The mean of its reviews, 1 to 5 */
  rating: number | null;
  /** How many reviews count (minimum: 0, maximum: 9000000000000000000) */
  reviews: number;
  /** When these were counted; null where nobody called yet */
  measured_at: string | null;
}

/** How a service did, step by step, the oldest first, empty steps with them. */
export interface MeasuredSeries {
  /** `vendor/name` */
  service: string;
  /** How long each step is */
  step: "hour" | "day";
  /** The first moment, UTC (format: "date-time") */
  since: string;
  /** Before this moment, UTC (format: "date-time") */
  until: string;
  /** What was measured of it */
  measured: MeasuredExactly;
  /** The steps, in order */
  steps: Array<MeasuredStep>;
}

/** Calls that began in one step; null where nothing was called. */
export interface MeasuredStep {
  /** When the step begins, UTC (format: "date-time") */
  start: string;
  /** Answered calls by others than the vendor (minimum: 0, maximum: 9000000000000000000) */
  calls: number;
  /** Calls that failed by the vendor's fault (minimum: 0, maximum: 9000000000000000000) */
  failed: number;
  /** Calls that did not fail by the vendor's fault, in ten thousandths */
  availability_bp: number | null;
  /** The time that half of the answers kept, in microseconds */
  p50_us: number | null;
  /** The time that 95 of 100 answers kept, in microseconds */
  p95_us: number | null;
}

/** What 30 days of calls say of a service, and its consumers' reviews; null: not known. */
export interface MeasuredView {
  /** Answered calls by others than the vendor */
  calls: number;
  /** Organisations that called */
  consumers: number;
  /** The time that 95 of 100 answers kept, in milliseconds */
  p95_ms: number | null;
  /** Calls that did not fail by the vendor's fault, in ten thousandths */
  availability_bp: number | null;
  /** Whether it kept what its vendor promises */
  sla_met: boolean | null;
  /** The mean of its reviews, 1 to 5 */
  rating: number | null;
  /** How many reviews count */
  reviews: number;
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

/** What a plan charges, in nano-units of its currency. */
export interface PriceView {
  /** The plan's name */
  plan: string;
  /** The currency of the amounts */
  currency: "USD" | "EUR";
  /** The monthly fee, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  monthly: number;
  /** The price of a call, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_call: number;
  /** The price of 1,000 input tokens, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_tokens: number;
  /** The price of 1,000 output tokens, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_tokens: number;
}

/** A place in a ranking; equal values share the place. */
export interface RankedService {
  /** The place, from 1 */
  place: number;
  /** The listing in short */
  listing: ListingView;
  /** The number that it is ranked by */
  value: number;
  /** On how many calls, callers or reviews this rests (minimum: 0, maximum: 9000000000000000000) */
  sample: number;
}

/** A ranking with what it counts and on how much it rests. */
export interface RankingAnswer {
  /** What the ranking is by */
  by: "use" | "growth" | "rating" | "speed" | "availability";
  /** How it is counted */
  rule: string;
  /** The unit of the values */
  unit: string;
  /** What was counted, and what was left out */
  sample: string;
  /** The rows, in order */
  items: Array<RankedService>;
}

/** The best first. */
export interface RecommendAnswer {
  /** The rows, in order */
  items: Array<RecommendedView>;
}

/** A service that may be wanted next, and why. */
export interface RecommendedView {
  /** The listing in short */
  listing: ListingView;
  /** Which ways found it, the strongest first: use by others, likeness, growth, use by many */
  ways: Array<"together" | "like" | "rising" | "popular">;
  /** Such as: used together with acme/embedder by 12 organisations */
  because: string;
}

/** The most similar first. */
export interface SimilarAnswer {
  /** The rows, in order */
  items: Array<SimilarView>;
}

/** A listing that is like the one asked about, and why. */
export interface SimilarView {
  /** The listing in short */
  listing: ListingView;
  /** Cosine of their meanings; null where one of them has no vector yet */
  similarity: number | null;
  /** What they share, in words */
  because: string;
}

/** Tasks, vendors and tags first, then services. */
export interface SuggestAnswer {
  /** The rows, in order */
  items: Array<SuggestionView>;
}

/** What somebody may mean who has typed a beginning. */
export interface SuggestionView {
  /** What it is */
  kind: "service" | "vendor" | "task" | "tag";
  /** What to show */
  text: string;
  /** `vendor/name` of a service, else the value to filter by */
  name: string;
  /** Calls of a service in 30 days, in two digits; services of a vendor, task or tag (minimum: 0, maximum: 9000000000000000000) */
  count: number;
}

/** What rises most, first. */
export interface TrendingAnswer {
  /** The rows, in order */
  items: Array<TrendingView>;
}

/** A service that more organisations call of late than before. */
export interface TrendingView {
  /** The listing in short */
  listing: ListingView;
  /** Above the past, in thousandths of the spread that chance alone gives */
  trend_millis: number;
  /** Organisations that called in 30 days (minimum: 0, maximum: 9000000000000000000) */
  consumers: number;
}

/** An organisation that lists services, as everybody sees it. */
export interface VendorView {
  /** The name in addresses */
  slug: string;
  /** What the number is */
  name: string;
  /** Whether an operator verified the vendor */
  verified: boolean;
  /** The first moment, UTC (format: "date-time") */
  since: string;
  /** The services; how many, or each in the order asked (minimum: 0, maximum: 9000000000000000000) */
  services: number;
  /** What its services do */
  tasks: Array<string>;
  /** Answered calls of its services by others in 30 days (minimum: 0, maximum: 9000000000000000000) */
  calls: number;
  /** The mean of all reviews of its services */
  rating: number | null;
  /** How many reviews count (minimum: 0, maximum: 9000000000000000000) */
  reviews: number;
}

