// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Data rounds: what `/api/datasets` and `/api/rounds` receive and answer. */

/** The dataset, and whether the panel is a new one. */
export interface BuildAnswer {
  dataset: DatasetDetail;
  is_new: boolean;
}

/** Build a dataset's panel (operators). `organisation` alone may see it; everybody where none is named. */
export interface BuildRequest {
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", default: "us-equities-daily") */
  name?: string;
  /** (minLength: 1, maxLength: 120, default: "US equities, daily") */
  title?: string;
  organisation?: string | null;
}

/** A dataset with its card (Markdown), features and sources. */
export interface DatasetDetail {
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  title: string;
  summary: string;
  is_private: boolean;
  eras: number | null;
  first_day: string | null;
  last_day: string | null;
  horizon_days: number | null;
  lag_days: number | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  rounds: number;
  open_round: number | null;
  card: string;
  features: Array<string>;
  sources: Array<SourceView>;
  panel_sha256: string | null;
}

/** All datasets that the caller may use, by name. */
export interface DatasetList {
  items: Array<DatasetView>;
}

/** A dataset without its card. `first_day` and so on are those of its newest panel, absent before it is built. */
export interface DatasetView {
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  title: string;
  summary: string;
  is_private: boolean;
  eras: number | null;
  first_day: string | null;
  last_day: string | null;
  horizon_days: number | null;
  lag_days: number | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  rounds: number;
  open_round: number | null;
}

/** A link to a file: whoever has it may download, with ranges, until `expires_at`. Check size and SHA-256. */
export interface FileGrant {
  /** (pattern: "^[a-z0-9][a-z0-9_-]{0,63}\\.parquet$") */
  name: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  bytes: number;
  /** (pattern: "^[0-9a-f]{64}$") */
  sha256: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  rows: number;
  url: string;
  /** (format: "date-time") */
  expires_at: string;
}

/** Open a round (operators). Without `first_era` it follows the last round. */
export interface OpenRoundRequest {
  /** (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
  first_era?: number | null;
  /** (minimum: 1, maximum: 260, default: 5) */
  eras?: number;
  /** (minimum: 1, maximum: 31536000, default: 86400) */
  open_seconds?: number;
  /** (minimum: 0, maximum: 31536000, default: 518400) */
  embargo_seconds?: number;
}

/** A round with its files and what happened to it. `scores_sha256` is of the scores that the desk published. */
export interface RoundDetail {
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  id: string;
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  dataset: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  number: number;
  state: "open" | "closed" | "scored" | "resolved";
  /** (minimum: 1, maximum: 10000000) */
  first_era: number;
  /** (minimum: 1, maximum: 10000000) */
  last_era: number;
  /** (minimum: 1, maximum: 10000000) */
  train_last_era: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  horizon_days: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  lag_days: number;
  /** (format: "date-time") */
  opened_at: string;
  /** (format: "date-time") */
  closes_at: string;
  /** (format: "date-time") */
  embargo_until: string;
  files: Array<RoundFileView>;
  transitions: Array<TransitionView>;
  scores_sha256: string | null;
}

/** A file of a round. Its checksum is public from the beginning; `is_available` says whether it may be had yet. */
export interface RoundFileView {
  /** (pattern: "^[a-z0-9][a-z0-9_-]{0,63}\\.parquet$") */
  name: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  bytes: number;
  /** (pattern: "^[0-9a-f]{64}$") */
  sha256: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  rows: number;
  is_available: boolean;
}

/** Some rounds, the newest first; `next` is the `after` of the next page. */
export interface RoundPage {
  items: Array<RoundView>;
  next: string | null;
}

/** One period of data. Eras are inclusive; training data ends with `train_last_era`, what follows is purged. */
export interface RoundView {
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  id: string;
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  dataset: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  number: number;
  state: "open" | "closed" | "scored" | "resolved";
  /** (minimum: 1, maximum: 10000000) */
  first_era: number;
  /** (minimum: 1, maximum: 10000000) */
  last_era: number;
  /** (minimum: 1, maximum: 10000000) */
  train_last_era: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  horizon_days: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  lag_days: number;
  /** (format: "date-time") */
  opened_at: string;
  /** (format: "date-time") */
  closes_at: string;
  /** (format: "date-time") */
  embargo_until: string;
}

/** A file of prices that was read. */
export interface SourceView {
  package: string;
  version: string;
  file: string;
  /** (pattern: "^[0-9a-f]{64}$") */
  sha256: string;
  gave: string;
}

/** Close or resolve a round (operators), and why. */
export interface TransitionRequest {
  /** (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** Who brought the round into a state, when and why. */
export interface TransitionView {
  state: "open" | "closed" | "scored" | "resolved";
  by: string;
  reason: string;
  /** (format: "date-time") */
  at: string;
}

