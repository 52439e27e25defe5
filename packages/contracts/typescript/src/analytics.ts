// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** How the marketplace grows, for its operator: reports that are made every hour and read as they are. */

/** All reports, as they were made last. */
export interface AnalyticsView {
  /** When they were made, UTC; null before the first time */
  made_at: string | null;
  /** What came later is in none of them, UTC */
  until: string | null;
  /** SHA-256 of what they were made from: the same inputs give the same reports */
  digest: string;
  /** Twelve months of new consumers */
  cohorts: Array<Cohort>;
  /** Eleven weeks */
  retention: Array<WeekKept>;
  /** Twelve months of new services, months without one left out */
  funnel: Array<FunnelMonth>;
  /** One for each currency */
  forecast: Array<CurrencyForecast>;
  /** Ten of each kind and currency at most, the largest difference first */
  movers: Array<Mover>;
  /** Twelve months */
  take: Array<MonthTaken>;
  /** Searches without results: 50 at most, the most wanted first, then all the others in one (default: []) */
  searches?: Array<MissedSearch>;
  /** Refusals of access (401, 403 and slowed attempts) by code, the most frequent first (default: []) */
  refusals?: Array<RefusedCode>;
}

/** Consumers whose first call was in one month. */
export interface Cohort {
  /** The month's first day, UTC (format: "date") */
  month: string;
  /** How many consumers they are */
  size: number;
  /** How many of them called, month by month from their own on */
  active: Array<number>;
  /** What they were charged, one for each currency */
  charged: Array<CohortMoney>;
}

/** What a cohort was charged, in one currency. */
export interface CohortMoney {
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** In nano-units, month by month from the cohort's own on */
  nanos: Array<number>;
}

/** Usage in one currency: 56 days that are over, and 28 ahead. */
export interface CurrencyForecast {
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Whole weeks of usage that the forecast goes by, at most 8; 0: too young for one */
  weeks: number;
  /** The days that are over, the oldest first */
  days: Array<UsedDay>;
  /** The days ahead; empty where usage is younger than a week */
  ahead: Array<ExpectedDay>;
}

/** A day ahead: the average of the same weekdays of the last weeks, the least and the most of them. */
export interface ExpectedDay {
  /** The day, UTC; today is the first one (format: "date") */
  day: string;
  /** Calls that are expected */
  calls: number;
  /** The fewest of these weekdays */
  calls_low: number;
  /** The most of these weekdays */
  calls_high: number;
  /** What is expected to be charged, in nano-units */
  charged_nanos: number;
  /** The least of these weekdays, in nano-units */
  charged_nanos_low: number;
  /** The most of these weekdays, in nano-units */
  charged_nanos_high: number;
}

/** Services that were submitted for the first time in one month, and how far they came since. */
export interface FunnelMonth {
  /** The month's first day, UTC (format: "date") */
  month: string;
  /** Services that were submitted */
  submitted: number;
  /** Those of them that were released */
  released: number;
  /** Those of them that others than their vendor have called */
  called: number;
  /** Median time from the submission to the release; null: none yet */
  release_seconds: number | null;
  /** Median time from the release to the first call; null: none yet */
  call_seconds: number | null;
}

/** Words that found nothing that fits in the last four weeks. */
export interface MissedSearch {
  /** The words, without capitals; null for all together that fewer than three askers used, or that look like an address, a number or a secret */
  words: string | null;
  /** How many searches */
  searches: number;
  /** How many asked; somebody who asked in two months counts twice */
  askers: number;
  /** The last day that somebody searched for them, UTC (format: "date") */
  last_on: string;
}

/** What the marketplace earned in one month and currency, by its ledger. */
export interface MonthTaken {
  /** The month's first day, UTC (format: "date") */
  month: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** What consumers were charged, fees and adjustments included, in nano-units */
  charged_nanos: number;
  /** The marketplace's share of it, in nano-units */
  taken_nanos: number;
  /** The share in basis points; null where nothing was charged */
  taken_bp: number | null;
}

/** A consumer or a service whose last seven days differ from the seven before. */
export interface Mover {
  /** What moved */
  kind: "consumer" | "service";
  /** The id of the organisation or service */
  id: string;
  /** Its name; empty where it is gone */
  name: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Calls in the last seven days */
  calls: number;
  /** Calls in the seven days before */
  calls_before: number;
  /** Charged in the last seven days, in nano-units */
  charged_nanos: number;
  /** Charged in the seven days before, in nano-units */
  charged_before_nanos: number;
}

/** How often access was refused with one code. */
export interface RefusedCode {
  /** The code; `mp explain CODE` says what it means */
  code: string;
  /** Refusals in the last seven days, today included */
  refusals: number;
  /** Refusals in the seven days before */
  refusals_before: number;
}

/** One day's usage, UTC. */
export interface UsedDay {
  /** The day, UTC (format: "date") */
  day: string;
  /** Calls */
  calls: number;
  /** What they were charged, in nano-units */
  charged_nanos: number;
}

/** Consumers who called in one week, beside those of the week before. */
export interface WeekKept {
  /** The week's Monday, UTC; the last week may not be over (format: "date") */
  week: string;
  /** Consumers who called */
  active: number;
  /** Those of them who had called the week before */
  kept: number;
  /** Those who called for the first time */
  new: number;
  /** Those who had called before, but not the week before */
  returned: number;
  /** Those who had called the week before and not in this one */
  lost: number;
  /** Of the week before, in basis points; null where nobody called in it */
  kept_bp: number | null;
}

