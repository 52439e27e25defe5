// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Data rounds: what `/api/datasets` and `/api/rounds` receive and answer. */

/** The dataset, and whether the panel is a new one. */
export interface BuildAnswer {
  /** The dataset */
  dataset: DatasetDetail;
  /** Whether the panel differs from the one before */
  is_new: boolean;
}

/** Build a dataset's panel (operators). `organisation` alone may see it; everybody where none is named. */
export interface BuildRequest {
  /** The dataset's name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", default: "us-equities-daily") */
  name?: string;
  /** The title, 1 to 120 characters (minLength: 1, maxLength: 120, default: "US equities, daily") */
  title?: string;
  /** The short name of the organisation that alone may use it; everybody when left out */
  organisation?: string | null;
}

/** A dataset with its card (Markdown), features and sources. */
export interface DatasetDetail {
  /** The dataset's name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** The title, in a few words */
  title: string;
  /** What it holds, in one sentence */
  summary: string;
  /** Whether one organisation alone may use it */
  is_private: boolean;
  /** How many eras its newest panel has; null before it is built */
  eras: number | null;
  /** The first trading day, 2026-11-02; null before it is built */
  first_day: string | null;
  /** The last trading day; null before it is built */
  last_day: string | null;
  /** Trading days that a target looks ahead; null before it is built */
  horizon_days: number | null;
  /** Trading days between an era and the start of its target; null before it is built */
  lag_days: number | null;
  /** How many rounds were opened (minimum: 0, maximum: 9000000000000000000) */
  rounds: number;
  /** The number of the open round; null: none is open */
  open_round: number | null;
  /** What is to be known of it, Markdown */
  card: string;
  /** The names of its features */
  features: Array<string>;
  /** The files that it was made from */
  sources: Array<SourceView>;
  /** SHA-256 of its newest panel; null before it is built */
  panel_sha256: string | null;
}

/** All datasets that the caller may use, by name. */
export interface DatasetList {
  /** The datasets, by name */
  items: Array<DatasetView>;
}

/** A dataset without its card. `first_day` and so on are those of its newest panel, absent before it is built. */
export interface DatasetView {
  /** The dataset's name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** The title, in a few words */
  title: string;
  /** What it holds, in one sentence */
  summary: string;
  /** Whether one organisation alone may use it */
  is_private: boolean;
  /** How many eras its newest panel has; null before it is built */
  eras: number | null;
  /** The first trading day, 2026-11-02; null before it is built */
  first_day: string | null;
  /** The last trading day; null before it is built */
  last_day: string | null;
  /** Trading days that a target looks ahead; null before it is built */
  horizon_days: number | null;
  /** Trading days between an era and the start of its target; null before it is built */
  lag_days: number | null;
  /** How many rounds were opened (minimum: 0, maximum: 9000000000000000000) */
  rounds: number;
  /** The number of the open round; null: none is open */
  open_round: number | null;
}

/** A link to a file: whoever has it may download, with ranges, until `expires_at`. Check size and SHA-256. */
export interface FileGrant {
  /** The file's name (pattern: "^[a-z0-9][a-z0-9_-]{0,63}\\.parquet$") */
  name: string;
  /** The file's size in bytes (minimum: 0, maximum: 9000000000000000000) */
  bytes: number;
  /** SHA-256 of the file (pattern: "^[0-9a-f]{64}$") */
  sha256: string;
  /** How many rows it has (minimum: 0, maximum: 9000000000000000000) */
  rows: number;
  /** The link; whoever has it may download */
  url: string;
  /** When the link ends, UTC (format: "date-time") */
  expires_at: string;
}

/** Open a round (operators). Without `first_era` it follows the last round. */
export interface OpenRoundRequest {
  /** Why, 3 to 2,000 characters (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
  /** The first era; when left out, the one after the last round */
  first_era?: number | null;
  /** How many eras the round has, 1 to 260 (minimum: 1, maximum: 260, default: 5) */
  eras?: number;
  /** Seconds that it takes signals, at most a year (minimum: 1, maximum: 31536000, default: 86400) */
  open_seconds?: number;
  /** Seconds from its opening until its targets are published, at most a year (minimum: 0, maximum: 31536000, default: 518400) */
  embargo_seconds?: number;
}

/** A round with its files and what happened to it. `scores_sha256` is of the scores that the desk published. */
export interface RoundDetail {
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  id: string;
  /** The dataset's name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  dataset: string;
  /** The round's number within its dataset, from 1 (minimum: 0, maximum: 9000000000000000000) */
  number: number;
  /** The round's state */
  state: "open" | "closed" | "scored" | "resolved";
  /** The first era, inclusive (minimum: 1, maximum: 10000000) */
  first_era: number;
  /** The last era, inclusive (minimum: 1, maximum: 10000000) */
  last_era: number;
  /** The last era of the training data; the eras after it are purged (minimum: 1, maximum: 10000000) */
  train_last_era: number;
  /** Trading days that a target looks ahead (minimum: 0, maximum: 9000000000000000000) */
  horizon_days: number;
  /** Trading days between an era and the start of its target (minimum: 0, maximum: 9000000000000000000) */
  lag_days: number;
  /** When it was opened, UTC (format: "date-time") */
  opened_at: string;
  /** When it takes no more signals, UTC (format: "date-time") */
  closes_at: string;
  /** When its targets may be published, UTC (format: "date-time") */
  embargo_until: string;
  /** The round's files */
  files: Array<RoundFileView>;
  /** What happened to it, oldest first */
  transitions: Array<TransitionView>;
  /** SHA-256 of the published scores; null before they are */
  scores_sha256: string | null;
}

/** A file of a round. Its checksum is public from the beginning; `is_available` says whether it may be had yet. */
export interface RoundFileView {
  /** The file's name (pattern: "^[a-z0-9][a-z0-9_-]{0,63}\\.parquet$") */
  name: string;
  /** The file's size in bytes (minimum: 0, maximum: 9000000000000000000) */
  bytes: number;
  /** SHA-256 of the file (pattern: "^[0-9a-f]{64}$") */
  sha256: string;
  /** How many rows it has (minimum: 0, maximum: 9000000000000000000) */
  rows: number;
  /** Whether it may be downloaded now */
  is_available: boolean;
}

/** Some rounds, the newest first; `next` is the `after` of the next page. */
export interface RoundPage {
  /** The rounds of this page, newest first */
  items: Array<RoundView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** One period of data. Eras are inclusive; training data ends with `train_last_era`, what follows is purged. */
export interface RoundView {
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  id: string;
  /** The dataset's name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  dataset: string;
  /** The round's number within its dataset, from 1 (minimum: 0, maximum: 9000000000000000000) */
  number: number;
  /** The round's state */
  state: "open" | "closed" | "scored" | "resolved";
  /** The first era, inclusive (minimum: 1, maximum: 10000000) */
  first_era: number;
  /** The last era, inclusive (minimum: 1, maximum: 10000000) */
  last_era: number;
  /** The last era of the training data; the eras after it are purged (minimum: 1, maximum: 10000000) */
  train_last_era: number;
  /** Trading days that a target looks ahead (minimum: 0, maximum: 9000000000000000000) */
  horizon_days: number;
  /** Trading days between an era and the start of its target (minimum: 0, maximum: 9000000000000000000) */
  lag_days: number;
  /** When it was opened, UTC (format: "date-time") */
  opened_at: string;
  /** When it takes no more signals, UTC (format: "date-time") */
  closes_at: string;
  /** When its targets may be published, UTC (format: "date-time") */
  embargo_until: string;
}

/** A file of prices that was read. */
export interface SourceView {
  /** The package that the file came from */
  package: string;
  /** The version of that package */
  version: string;
  /** The file's path in the package */
  file: string;
  /** SHA-256 of the file (pattern: "^[0-9a-f]{64}$") */
  sha256: string;
  /** What was read from it, in words */
  gave: string;
}

/** Close or resolve a round (operators), and why. */
export interface TransitionRequest {
  /** Why, 3 to 2,000 characters (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** Who brought the round into a state, when and why. */
export interface TransitionView {
  /** The state that the round came into */
  state: "open" | "closed" | "scored" | "resolved";
  /** The id of the person or process */
  by: string;
  /** Why */
  reason: string;
  /** When, UTC (format: "date-time") */
  at: string;
}

