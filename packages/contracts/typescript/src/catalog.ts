// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The public catalogue: what anybody may see of every listed service without asking who they are. */

/** A listed model or service, with the words of its newest release. */
export interface CatalogModel {
  id: string;
  name: string;
  vendor: string;
  vendor_name: string;
  vendor_verified: boolean;
  title: string;
  summary: string;
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  task: "embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other";
  version: string;
  licence: string;
  tags: Array<string>;
  modalities: Array<string>;
  plans: Array<string>;
  status: "live" | "held" | "not_deployed";
  /** (format: "date-time") */
  listed_at: string;
  /** (format: "date-time") */
  updated_at: string;
}

/** Some of the catalogue, the oldest listing first; `next` is the `after` of the next page. */
export interface CatalogPage {
  /** (default: "catalog/1") */
  contract?: "catalog/1";
  items: Array<CatalogModel>;
  next: string | null;
}

