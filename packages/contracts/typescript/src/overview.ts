// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The marketplace at a glance, for its operator: one request, one screen. */

/** How many submissions wait; the oldest of them. */
export interface ApprovalQueue {
  /** How many submissions wait */
  waiting: number;
  /** How long the oldest waits, in seconds; null: none waits */
  oldest_seconds: number | null;
  /** Those that wait longest, the oldest first */
  oldest: Array<WaitingApproval>;
}

/** Calls since midnight, and the same yesterday until this hour. Failed are those of status 500 and above. */
export interface CallsToday {
  /** Calls since midnight UTC */
  calls: number;
  /** Failed calls since midnight UTC */
  failed: number;
  /** Calls yesterday until this hour */
  calls_before: number;
  /** Failed calls yesterday until this hour */
  failed_before: number;
}

/** Something that is wrong now: a service of ours that is down, a broken service level, or a thrown kill switch. */
export interface Incident {
  /** `health`, `service level` or `kill switch` */
  kind: string;
  /** What it is about, in words */
  subject: string;
  /** The id of the service, alert or switch */
  id: string;
  /** `critical`, or the alert's severity: `fast` or `slow` */
  severity: string;
  /** Since when, UTC; null where that is not known */
  since: string | null;
}

/** The newest day whose sums were compared with its events and the ledger. */
export interface LastReconciliation {
  /** The day that was compared, UTC (format: "date") */
  day: string;
  /** When it was compared, UTC (format: "date-time") */
  checked_at: string;
  /** Whether sums, events and ledger agree */
  agrees: boolean;
}

/** What consumers were charged for calls since midnight, in one currency, and the same yesterday until this hour. */
export interface MoneyToday {
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Charged since midnight UTC, in nano-units */
  charged_nanos: number;
  /** Charged yesterday until this hour, in nano-units */
  before_nanos: number;
}

/** Everything on the operator's first screen. */
export interface Overview {
  /** When this was read, UTC (format: "date-time") */
  at: string;
  /** The worst state of all services */
  health: "up" | "down" | "unknown";
  /** The marketplace's own services */
  services: Array<ServiceState>;
  /** Submissions that wait for people */
  approvals: ApprovalQueue;
  /** Today's charges, one for each currency */
  money: Array<MoneyToday>;
  /** Today's calls */
  calls: CallsToday;
  /** Disputed calls and reviews of doubted counts that wait for a person, at most 200 of each */
  open_disputes: number;
  /** What is wrong now */
  incidents: Array<Incident>;
  /** The newest comparison of sums, events and ledger; null before the first */
  reconciliation: LastReconciliation | null;
  /** Whether changes are refused now */
  under_maintenance: boolean;
}

/** A service of the marketplace's own, and how it is. */
export interface ServiceState {
  /** The service's name */
  name: string;
  /** Whether it is up */
  state: "up" | "down" | "unknown";
  /** Why it is not up; empty when it is */
  detail: string;
}

/** A submission that waits for people. */
export interface WaitingApproval {
  /** The submission's id, `sbm_…` */
  submission_id: string;
  /** The service, `vendor/name` */
  service: string;
  /** The version that was submitted */
  version: string;
  /** The rule that wants people */
  rule: string;
  /** Since when it waits, UTC (format: "date-time") */
  waiting_since: string;
  /** How long it waits, in seconds */
  waiting_seconds: number;
}

