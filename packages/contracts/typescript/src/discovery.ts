// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What discovery receives and answers under `/api/search`. */

/** A value, and how many of the listings that match have it. */
export interface FacetValue {
  /** The value to filter by */
  value: string;
  /** How many matching listings have it */
  count: number;
}

/** Everything to filter by, with counts. What is filtered by counts as if it were not. */
export interface FacetsAnswer {
  /** How many match */
  total: number;
  /** For each facet, its values with counts */
  facets: Record<string, Array<FacetValue>>;
  /** The numbers, by name */
  numbers: Record<string, NumberFacet>;
  /** Words of the query that were read as filters (default: []) */
  understood?: Array<UnderstoodView>;
  /** Whether listings may be missing, because this process builds its index or catches up; the header `Mercato-Index` then says which (default: false) */
  partial?: boolean;
}

/**
 * What listings must be. Values of one filter are alternatives; different filters must all hold.
 *
 * A listing whose number is not known fits no range of it.
 */
export interface ListingFilters {
  /** Plain words; empty lists the newest first (maxLength: 500, default: "") */
  q?: string;
  /** Protocols, any of them (maxItems: 20, default: []) */
  protocol?: Array<"openai" | "anthropic" | "openapi" | "signal">;
  /** Tasks, any of them (maxItems: 20, default: []) */
  task?: Array<"embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other">;
  /** Modalities, any of them (maxItems: 20, default: []) */
  modality?: Array<string>;
  /** What goes in, any of them (maxItems: 20, default: []) */
  modality_in?: Array<string>;
  /** What comes out, any of them (maxItems: 20, default: []) */
  modality_out?: Array<string>;
  /** Tags, any of them (maxItems: 20, default: []) */
  tag?: Array<string>;
  /** SPDX expressions, any of them (maxItems: 20, default: []) */
  licence?: Array<string>;
  /** Vendors' short names, any of them (maxItems: 20, default: []) */
  vendor?: Array<string>;
  /** Regions, any of them (maxItems: 20, default: []) */
  region?: Array<string>;
  /** The state of the newest release (maxItems: 2, default: []) */
  status?: Array<"live" | "deprecated">;
  /** Ways to charge, any of them (maxItems: 4, default: []) */
  pricing?: Array<"free" | "per_call" | "per_token" | "per_month">;
  /** Whether an operator verified the vendor (maxItems: 2, default: []) */
  verified?: Array<"yes" | "no">;
  /** Whether it keeps what its vendor promises (maxItems: 2, default: []) */
  sla_met?: Array<"yes" | "no">;
  /** The currency of the prices (default: "USD") */
  currency?: "USD" | "EUR";
  /** The lowest price of one more call, in nano-units */
  min_price_per_call?: number | null;
  /** Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services that charge by tokens have `max_price_per_1k_tokens` */
  max_price_per_call?: number | null;
  /** The lowest price of 1,000 tokens, in nano-units */
  min_price_per_1k_tokens?: number | null;
  /** Nano-units that 1,000 tokens may cost, in or out, under the cheapest plan that charges by them */
  max_price_per_1k_tokens?: number | null;
  /** The lowest monthly fee, in nano-units */
  min_price_per_month?: number | null;
  /** The highest monthly fee of the cheapest plan */
  max_price_per_month?: number | null;
  /** At least so many tokens of context */
  min_context_window?: number | null;
  /** At most so many tokens of context */
  max_context_window?: number | null;
  /** The lowest measured p95, in milliseconds */
  min_p95_ms?: number | null;
  /** Measured at the gateway over 30 days, in milliseconds */
  max_p95_ms?: number | null;
  /** Measured, in ten thousandths */
  min_availability_bp?: number | null;
  /** Measured, at most, in ten thousandths */
  max_availability_bp?: number | null;
  /** The mean of its reviews, 1 to 5 */
  min_rating?: number | null;
  /** At most so many stars, 1 to 5 */
  max_rating?: number | null;
  /** Calls of the last 30 days */
  min_calls?: number | null;
  /** At most so many calls of the last 30 days */
  max_calls?: number | null;
  /** Organisations that called it in the last 30 days */
  min_consumers?: number | null;
  /** At most so many calling organisations of the last 30 days */
  max_consumers?: number | null;
  /** Whose latest release is not older */
  released_since?: string | null;
  /** Whose latest release is not newer */
  released_until?: string | null;
  /** Whether words about price, context and order (`cheapest`, `under $0.10 per million tokens`, `1M context`, `free`) become filters, which the answer names in `understood` (default: true) */
  understand?: boolean;
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

/** How a number is spread: whether each bound is the most or the least that is allowed, and how many keep it. */
export interface NumberFacet {
  /** Whether a bound is the most or the least that is allowed */
  bounds: "at_most" | "at_least";
  /** The steps, in order */
  steps: Array<StepCount>;
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

/** Why a hit stands where it stands. Ranks count from 1; null means: not found this way. */
export interface ReasonsView {
  /** Whether the query is the listing's name */
  exact_name: boolean;
  /** Its rank among the matches by words, from 1 */
  text_rank: number | null;
  /** Its BM25 score; comparable within one answer */
  text_score: number | null;
  /** Its rank among the matches by meaning, from 1 */
  vector_rank: number | null;
  /** Cosine of query and listing */
  similarity: number | null;
  /** Found by reading a misspelt word as its neighbour */
  corrected: boolean;
  /** Stems of the query's words, and the fields they stand in */
  words: Record<string, Array<string>>;
}

/** One page. Facets count all that match; a facet that is filtered by counts as if it were not. */
export interface SearchAnswer {
  /** The hits of this page, best first */
  items: Array<SearchHit>;
  /** How many match; of those found by words, the first 200 can be paged through, without words all */
  total: number;
  /** `cursor` of the next page; null on the last one */
  next: string | null;
  /** Whether misspelt words were read as their neighbours */
  corrected: boolean;
  /** For each filter, the values that can be chosen */
  facets: Record<string, Array<FacetValue>>;
  /** Nothing fits well: no name, word or meaning speaks for what was found (default: false) */
  doubtful?: boolean;
  /** Words of the query that were read as filters or as the order (default: []) */
  understood?: Array<UnderstoodView>;
  /** Whether listings may be missing, because this process builds its index or catches up; the header `Mercato-Index` then says which (default: false) */
  partial?: boolean;
}

/** A listing that was found. `score` compares within one answer only. */
export interface SearchHit {
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
  /** What it reads and writes, such as `text` or `tabular` */
  modalities: Array<string>;
  /** Where it runs */
  regions: Array<string>;
  /** What goes in */
  inputs: Array<string>;
  /** What comes out */
  outputs: Array<string>;
  /** The most tokens of one call; null where it has no such limit */
  context_window: number | null;
  /** What each open plan charges */
  prices: Array<PriceView>;
  /** When the newest release was made, UTC (format: "date-time") */
  released_at: string;
  /** The state of the newest release */
  status: string;
  /** Whether an operator verified the vendor */
  vendor_verified: boolean;
  /** What was measured of it */
  measured: MeasuredView;
  /** Whether only some organisations see it, yours among them (default: false) */
  private?: boolean;
  /** The weight of the hit; comparable within one answer only */
  score: number;
  /** The passage that answers best */
  snippet: SnippetView;
  /** Why it was found; null unless `explain` asked */
  reasons?: ReasonsView | null;
}

/** A search, as the query of an address. */
export interface SearchRequest {
  /** Plain words; empty lists the newest first (maxLength: 500, default: "") */
  q?: string;
  /** Protocols, any of them (maxItems: 20, default: []) */
  protocol?: Array<"openai" | "anthropic" | "openapi" | "signal">;
  /** Tasks, any of them (maxItems: 20, default: []) */
  task?: Array<"embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other">;
  /** Modalities, any of them (maxItems: 20, default: []) */
  modality?: Array<string>;
  /** What goes in, any of them (maxItems: 20, default: []) */
  modality_in?: Array<string>;
  /** What comes out, any of them (maxItems: 20, default: []) */
  modality_out?: Array<string>;
  /** Tags, any of them (maxItems: 20, default: []) */
  tag?: Array<string>;
  /** SPDX expressions, any of them (maxItems: 20, default: []) */
  licence?: Array<string>;
  /** Vendors' short names, any of them (maxItems: 20, default: []) */
  vendor?: Array<string>;
  /** Regions, any of them (maxItems: 20, default: []) */
  region?: Array<string>;
  /** The state of the newest release (maxItems: 2, default: []) */
  status?: Array<"live" | "deprecated">;
  /** Ways to charge, any of them (maxItems: 4, default: []) */
  pricing?: Array<"free" | "per_call" | "per_token" | "per_month">;
  /** Whether an operator verified the vendor (maxItems: 2, default: []) */
  verified?: Array<"yes" | "no">;
  /** Whether it keeps what its vendor promises (maxItems: 2, default: []) */
  sla_met?: Array<"yes" | "no">;
  /** The currency of the prices (default: "USD") */
  currency?: "USD" | "EUR";
  /** The lowest price of one more call, in nano-units */
  min_price_per_call?: number | null;
  /** Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services that charge by tokens have `max_price_per_1k_tokens` */
  max_price_per_call?: number | null;
  /** The lowest price of 1,000 tokens, in nano-units */
  min_price_per_1k_tokens?: number | null;
  /** Nano-units that 1,000 tokens may cost, in or out, under the cheapest plan that charges by them */
  max_price_per_1k_tokens?: number | null;
  /** The lowest monthly fee, in nano-units */
  min_price_per_month?: number | null;
  /** The highest monthly fee of the cheapest plan */
  max_price_per_month?: number | null;
  /** At least so many tokens of context */
  min_context_window?: number | null;
  /** At most so many tokens of context */
  max_context_window?: number | null;
  /** The lowest measured p95, in milliseconds */
  min_p95_ms?: number | null;
  /** Measured at the gateway over 30 days, in milliseconds */
  max_p95_ms?: number | null;
  /** Measured, in ten thousandths */
  min_availability_bp?: number | null;
  /** Measured, at most, in ten thousandths */
  max_availability_bp?: number | null;
  /** The mean of its reviews, 1 to 5 */
  min_rating?: number | null;
  /** At most so many stars, 1 to 5 */
  max_rating?: number | null;
  /** Calls of the last 30 days */
  min_calls?: number | null;
  /** At most so many calls of the last 30 days */
  max_calls?: number | null;
  /** Organisations that called it in the last 30 days */
  min_consumers?: number | null;
  /** At most so many calling organisations of the last 30 days */
  max_consumers?: number | null;
  /** Whose latest release is not older */
  released_since?: string | null;
  /** Whose latest release is not newer */
  released_until?: string | null;
  /** Whether words about price, context and order (`cheapest`, `under $0.10 per million tokens`, `1M context`, `free`) become filters, which the answer names in `understood` (default: true) */
  understand?: boolean;
  /** With words, the 200 best hits are put in this order (default: "relevance") */
  sort?: "relevance" | "price_per_call" | "price_per_1k_tokens" | "price_per_month" | "context_window" | "p95_ms" | "availability_bp" | "rating" | "calls" | "consumers" | "released";
  /** Left out, the better end first: low prices and times, high ratings and windows */
  order?: "asc" | "desc" | null;
  /** Hits of a page, 1 to 50 (minimum: 1, maximum: 50, default: 10) */
  limit?: number;
  /** `next` of the page before */
  cursor?: string | null;
  /** Whether each hit says why it was found (default: false) */
  explain?: boolean;
  /** Whether the answer has counts to filter by; it comes sooner without (default: true) */
  facets?: boolean;
}

/** The passage that answers best; `marks` are ranges `[start, end)` of its characters (code points) that matched. */
export interface SnippetView {
  /** The passage, plain text */
  text: string;
  /** What matched: ranges `[start, end)` in code points */
  marks: Array<[number, number]>;
}

/** A bound, and how many of the listings that match keep it. */
export interface StepCount {
  /** In the number's own unit; ratings in hundredths */
  bound: number;
  /** How many listings keep the bound */
  count: number;
}

/** Words of the query that were read as a parameter of the search. `understand=false` leaves them words. */
export interface UnderstoodView {
  /** The words, as they stand in the query */
  words: string;
  /** The parameter that they were read as, such as `max_price_per_1k_tokens` or `sort` */
  name: string;
  /** Its value */
  value: string;
}

