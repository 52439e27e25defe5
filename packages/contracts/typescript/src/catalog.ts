// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The public catalogue: what anybody may see of every listed service without asking who they are. */

/** A listed model or service, with the words of its newest release. */
export interface CatalogModel {
  /** The service's id, `svc_…` */
  id: string;
  /** The name that calls use, `vendor/name` */
  name: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The vendor's full name */
  vendor_name: string;
  /** Whether the operator vouches for the vendor */
  vendor_verified: boolean;
  /** The title, in a few words */
  title: string;
  /** What the service does, in one sentence */
  summary: string;
  /** The protocol that it speaks */
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  /** What it is for */
  task: "embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other";
  /** The newest release, a SemVer version */
  version: string;
  /** An SPDX expression, or `proprietary` */
  licence: string;
  /** Words to find it by */
  tags: Array<string>;
  /** What it reads and writes, such as `text` or `tabular` */
  modalities: Array<string>;
  /** The names of the open plans */
  plans: Array<string>;
  /** Whether calls reach it now */
  status: "live" | "held" | "not_deployed";
  /** When it was first listed, UTC (format: "date-time") */
  listed_at: string;
  /** When its listing last changed, UTC (format: "date-time") */
  updated_at: string;
}

/** Some of the catalogue, the oldest listing first; `next` is the `after` of the next page. */
export interface CatalogPage {
  /** The name and version of this contract (default: "catalog/1") */
  contract?: "catalog/1";
  /** The listings of this page, oldest first */
  items: Array<CatalogModel>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

