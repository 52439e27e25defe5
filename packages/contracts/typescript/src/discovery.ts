// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What discovery receives and answers under `/api/search`. */

/** A value, and how many of the listings that match have it. */
export interface FacetValue {
  value: string;
  count: number;
}

/** What a plan charges, in nano-units of its currency. */
export interface PriceView {
  plan: string;
  currency: "USD" | "EUR";
  /** (minimum: 0, maximum: 9000000000000000000) */
  monthly: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_call: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_tokens: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_tokens: number;
}

/** Why a hit stands where it stands. Ranks count from 1; null means: not found this way. */
export interface ReasonsView {
  exact_name: boolean;
  text_rank: number | null;
  text_score: number | null;
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
  items: Array<SearchHit>;
  /** How many match; the first 200 can be paged through */
  total: number;
  /** `cursor` of the next page; null on the last one */
  next: string | null;
  /** Whether misspelt words were read as their neighbours */
  corrected: boolean;
  /** Nothing fits well: no name, word or meaning speaks for what was found (default: false) */
  doubtful?: boolean;
  facets: Record<string, Array<FacetValue>>;
}

/** A listing that was found. `score` compares within one answer only. */
export interface SearchHit {
  service_id: string;
  /** `vendor/name` */
  name: string;
  vendor: string;
  title: string;
  summary: string;
  version: string;
  protocol: string;
  task: string;
  licence: string;
  tags: Array<string>;
  modalities: Array<string>;
  regions: Array<string>;
  context_window: number | null;
  prices: Array<PriceView>;
  /** (format: "date-time") */
  released_at: string;
  score: number;
  snippet: SnippetView;
  reasons?: ReasonsView | null;
}

/** A search, as the query of an address. Values of one filter are alternatives; different filters must all hold. */
export interface SearchRequest {
  /** Plain words; empty lists the newest first (maxLength: 500, default: "") */
  q?: string;
  /** (maxItems: 20, default: []) */
  protocol?: Array<"openai" | "anthropic" | "openapi" | "signal">;
  /** (maxItems: 20, default: []) */
  task?: Array<"embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other">;
  /** (maxItems: 20, default: []) */
  modality?: Array<string>;
  /** (maxItems: 20, default: []) */
  tag?: Array<string>;
  /** (maxItems: 20, default: []) */
  licence?: Array<string>;
  /** (maxItems: 20, default: []) */
  vendor?: Array<string>;
  /** (maxItems: 20, default: []) */
  region?: Array<string>;
  /** Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services priced by tokens only are left out */
  max_price_per_call?: number | null;
  /** The currency of `max_price_per_call` (default: "USD") */
  currency?: "USD" | "EUR";
  /** (minimum: 1, maximum: 50, default: 10) */
  limit?: number;
  /** `next` of the page before */
  cursor?: string | null;
  /** Whether each hit says why it was found (default: false) */
  explain?: boolean;
}

/** The passage that answers best; `marks` are ranges `[start, end)` of its characters (code points) that matched. */
export interface SnippetView {
  text: string;
  marks: Array<[number, number]>;
}

