// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Service levels, alerts and public status under `/api`. Shares are in basis points: ten thousand are all. */

/** The newest first; ask on with `before` set to `next`. */
export interface AlertPage {
  /** The alerts of this page, newest first */
  items: Array<AlertView>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/**
 * A promise that is, or was, being broken.
 *
 * `severity` fast: the error budget burnt more than 14.4 times too fast over an hour; slow: 6 times over six hours.
 * `burn_hundredths` is the burn rate when it was opened, `bad` of `calls` the calls behind it.
 */
export interface AlertView {
  /** The alert's id, `alr_…` */
  id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** Which promise is broken */
  objective: "availability" | "latency";
  /** How fast the error budget burns */
  severity: "fast" | "slow";
  /** The share of calls that may fail, in basis points */
  budget_bp: number;
  /** The burn rate at its opening, in hundredths */
  burn_hundredths: number;
  /** The calls behind it */
  calls: number;
  /** How many of them broke the promise */
  bad: number;
  /** When it was opened, UTC (format: "date-time") */
  opened_at: string;
  /** When the promise held again, UTC; null while it is broken */
  resolved_at: string | null;
}

/** A time in which a promise was being broken; open while it has no end. */
export interface IncidentView {
  /** The incident's id, `alr_…` */
  id: string;
  /** Which promise was broken */
  objective: "availability" | "latency";
  /** How fast the error budget burnt */
  severity: "fast" | "slow";
  /** When it began, UTC (format: "date-time") */
  opened_at: string;
  /** When it ended, UTC; null while it is open */
  resolved_at: string | null;
}

/** What a service did in the last `window`. Counts are for its vendor and operators; `null` without a call. */
export interface LevelWindow {
  /** Over which time */
  window: "5m" | "1h" | "6h" | "1d" | "30d";
  /** How many calls; null for other consumers, and without a call */
  calls: number | null;
  /** How many of them failed; null likewise */
  failed: number | null;
  /** The share of calls that did not fail, in basis points; null without a call */
  availability_bp: number | null;
  /** The latency that 95 of 100 calls stay within, in microseconds; null without a call */
  p95_us: number | null;
}

/**
 * What is promised of a service, and what it does.
 *
 * `budget_left_bp`: how much of 30 days' error budget is left, in ten thousandths; negative where all of it is gone.
 */
export interface ServiceLevelView {
  /** The service's id, `svc_…` */
  service_id: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The service's name within its vendor */
  name: string;
  /** The promised share of calls that do not fail, in basis points; null: none promised */
  availability_bp: number | null;
  /** The promised latency of 95 of 100 calls, in milliseconds; null: none promised */
  p95_latency_ms: number | null;
  /** What is left of 30 days' error budget, in basis points; negative when overdrawn */
  budget_left_bp: number | null;
  /** What it did, over several times */
  windows: Array<LevelWindow>;
  /** The promises that are being broken */
  alerts: Array<AlertView>;
}

/** How a service does now and did in the last 90 days, and the incidents of that time, the newest first. */
export interface ServiceStatusView {
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The service's name within its vendor */
  name: string;
  /** The title, in a few words */
  title: string;
  /** How it does now */
  state: "operational" | "degraded" | "outage" | "quiet";
  /** When this was read, UTC (format: "date-time") */
  at: string;
  /** The share of calls of 90 days that did not fail, in basis points; null where nobody called */
  availability_bp: number | null;
  /** The last 90 days, oldest first */
  days: Array<StatusDay>;
  /** The incidents of that time, newest first */
  incidents: Array<IncidentView>;
}

/** A day, UTC; `null` where nobody called. */
export interface StatusDay {
  /** The day, UTC (format: "date") */
  day: string;
  /** The share of calls that did not fail, in basis points; null where nobody called */
  availability_bp: number | null;
}

/** How a service does now. */
export interface StatusEntry {
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The service's name within its vendor */
  name: string;
  /** The title, in a few words */
  title: string;
  /** How it does now */
  state: "operational" | "degraded" | "outage" | "quiet";
}

/** Listed services in the order they were listed; ask on with `after` set to `next`. */
export interface StatusList {
  /** When this was read, UTC (format: "date-time") */
  at: string;
  /** The services of this page, in the order of listing */
  items: Array<StatusEntry>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

