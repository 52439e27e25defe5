// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Searches that an organisation keeps, and what each has reported. */

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

/** The reports of a saved search, the newest first. */
export interface SavedSearchFitPage {
  /** The newest first */
  items: Array<SavedSearchFitView>;
  /** `before` of the page after; null on the last */
  next?: string | null;
}

/** A service that newly fitted a saved search, reported once. */
export interface SavedSearchFitView {
  /** The fit's id */
  id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** `vendor/name`; empty where it is there no longer */
  service: string;
  /** The version that fitted first */
  version: string;
  /** When it was found, UTC (format: "date-time") */
  found_at: string;
}

/** All saved searches of an organisation, by name. */
export interface SavedSearchList {
  /** By name */
  items: Array<SavedSearchView>;
}

/** A search to keep. Saved again under the same name, it replaces the one before. */
export interface SavedSearchRequest {
  /** What it is called, unique within the organisation (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** Words and filters, as `GET /api/search` takes them */
  search: ListingFilters;
  /** Whether you also hear by mail, at most once a day; people only (default: false) */
  mail?: boolean;
}

/** A search that the organisation keeps. */
export interface SavedSearchView {
  /** The saved search's id */
  id: string;
  /** What it is called */
  name: string;
  /** Words and filters, as they were sent */
  search: Record<string, unknown>;
  /** How many services it has reported since it was saved (minimum: 0, maximum: 9000000000000000000) */
  fits: number;
  /** Who saved it first (maxLength: 200) */
  created_by: string;
  /** When it was saved first, UTC (format: "date-time") */
  created_at: string;
  /** The id of the person who also hears by mail; null: nobody */
  mail_to?: string | null;
}

