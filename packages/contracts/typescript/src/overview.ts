// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The marketplace at a glance, for its operator: one request, one screen. */

/** How many submissions wait; the oldest of them. */
export interface ApprovalQueue {
  waiting: number;
  oldest_seconds: number | null;
  oldest: Array<WaitingApproval>;
}

/** Calls since midnight, and the same yesterday until this hour. Failed are those of status 500 and above. */
export interface CallsToday {
  calls: number;
  failed: number;
  calls_before: number;
  failed_before: number;
}

/** Something that is wrong now: a service of ours that is down, a broken service level, or a thrown kill switch. */
export interface Incident {
  kind: string;
  /** What it is about, in words */
  subject: string;
  id: string;
  severity: string;
  since: string | null;
}

/** The newest day whose sums were compared with its events and the ledger. */
export interface LastReconciliation {
  /** (format: "date") */
  day: string;
  /** (format: "date-time") */
  checked_at: string;
  agrees: boolean;
}

/** What consumers were charged for calls since midnight, in one currency, and the same yesterday until this hour. */
export interface MoneyToday {
  currency: string;
  charged_nanos: number;
  before_nanos: number;
}

/** Everything on the operator's first screen. */
export interface Overview {
  /** (format: "date-time") */
  at: string;
  health: "up" | "down" | "unknown";
  services: Array<ServiceState>;
  approvals: ApprovalQueue;
  money: Array<MoneyToday>;
  calls: CallsToday;
  /** Reviews of disputed usage that wait for a person; at most 200 are counted */
  open_disputes: number;
  incidents: Array<Incident>;
  reconciliation: LastReconciliation | null;
  under_maintenance: boolean;
}

/** A service of the marketplace's own, and how it is. */
export interface ServiceState {
  name: string;
  state: "up" | "down" | "unknown";
  detail: string;
}

/** A submission that waits for people. */
export interface WaitingApproval {
  submission_id: string;
  service: string;
  version: string;
  rule: string;
  /** (format: "date-time") */
  waiting_since: string;
  waiting_seconds: number;
}

