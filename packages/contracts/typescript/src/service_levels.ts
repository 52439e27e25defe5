// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Service levels, alerts and public status under `/api`. Shares are in basis points: ten thousand are all. */

/** The newest first; ask on with `before` set to `next`. */
export interface AlertPage {
  items: Array<AlertView>;
  next: string | null;
}

/**
 * A promise that is, or was, being broken.
 *
 * `severity` fast: the error budget burnt more than 14.4 times too fast over an hour; slow: 6 times over six hours.
 * `burn_hundredths` is the burn rate when it was opened, `bad` of `calls` the calls behind it.
 */
export interface AlertView {
  id: string;
  service_id: string;
  objective: "availability" | "latency";
  severity: "fast" | "slow";
  budget_bp: number;
  burn_hundredths: number;
  calls: number;
  bad: number;
  /** (format: "date-time") */
  opened_at: string;
  resolved_at: string | null;
}

/** A time in which a promise was being broken; open while it has no end. */
export interface IncidentView {
  id: string;
  objective: "availability" | "latency";
  severity: "fast" | "slow";
  /** (format: "date-time") */
  opened_at: string;
  resolved_at: string | null;
}

/** What a service did in the last `window`. Counts are for its vendor and operators; `null` without a call. */
export interface LevelWindow {
  window: "5m" | "1h" | "6h" | "1d" | "30d";
  calls: number | null;
  failed: number | null;
  availability_bp: number | null;
  p95_us: number | null;
}

/**
 * What is promised of a service, and what it does.
 *
 * `budget_left_bp`: how much of 30 days' error budget is left, in ten thousandths; negative where all of it is gone.
 */
export interface ServiceLevelView {
  service_id: string;
  vendor: string;
  name: string;
  availability_bp: number | null;
  p95_latency_ms: number | null;
  budget_left_bp: number | null;
  windows: Array<LevelWindow>;
  alerts: Array<AlertView>;
}

/** How a service does now and did in the last 90 days, and the incidents of that time, the newest first. */
export interface ServiceStatusView {
  vendor: string;
  name: string;
  title: string;
  state: "operational" | "degraded" | "outage" | "quiet";
  /** (format: "date-time") */
  at: string;
  availability_bp: number | null;
  days: Array<StatusDay>;
  incidents: Array<IncidentView>;
}

/** A day, UTC; `null` where nobody called. */
export interface StatusDay {
  /** (format: "date") */
  day: string;
  availability_bp: number | null;
}

/** How a service does now. */
export interface StatusEntry {
  vendor: string;
  name: string;
  title: string;
  state: "operational" | "degraded" | "outage" | "quiet";
}

/** Listed services in the order they were listed; ask on with `after` set to `next`. */
export interface StatusList {
  /** (format: "date-time") */
  at: string;
  items: Array<StatusEntry>;
  next: string | null;
}

