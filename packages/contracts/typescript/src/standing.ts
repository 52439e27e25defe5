// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What operators decide about organisations, what administrators decide about people, and what each role may do. */

/** A person who shall not sign in any more. */
export interface DisableRequest {
  /** Whether keys that the person made stay in force (default: false) */
  keep_keys?: boolean;
}

/** A service that a key is held to. */
export interface HeldService {
  /** The service's id, `svc_…` */
  id: string;
  /** `vendor/name` */
  name: string;
}

/** A key of some organisation, as operators see it. */
export interface KeyOfAnyone {
  id: string;
  kind: string;
  name: string;
  organisation_id: string;
  organisation: string;
  created_by: string;
  created_by_name: string;
  /** (format: "date-time") */
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  scopes: Array<string>;
  /** The only services that it calls; empty: all */
  services: Array<HeldService>;
  /** The only networks that it is taken from; empty: any */
  addresses: Array<string>;
  /** The quarter hour of its last call in the last 31 days */
  last_used_at: string | null;
  month_calls: number;
  /** What its calls of this month cost, by currency */
  month_nanos: Record<string, number>;
}

/** The oldest first. */
export interface KeyOfAnyonePage {
  items: Array<KeyOfAnyone>;
  next: string | null;
}

/** What a kind of key may carry at most. */
export interface KeyRights {
  kind: string;
  scopes: Array<string>;
}

/** The oldest first. */
export interface OrganisationPage {
  items: Array<OrganisationView>;
  next: string | null;
}

/** An organisation. */
export interface OrganisationView {
  id: string;
  slug: string;
  name: string;
  is_operator: boolean;
  is_verified: boolean;
  /** (format: "date-time") */
  created_at: string;
  /** Since when it is suspended */
  suspended_at?: string | null;
  /** Why it is suspended (default: "") */
  suspended_reason?: string;
}

/** The matrix of rights, made from the code that enforces it. What is not listed is refused. */
export interface RightsView {
  roles: Array<RoleRights>;
  keys: Array<KeyRights>;
  /** Every permission that there is */
  permissions: Array<string>;
}

/** Another role for a person. */
export interface RoleChange {
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
}

/** What a role may do in its own organisation, and what more in the operator's. */
export interface RoleRights {
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  permissions: Array<string>;
  operator_permissions: Array<string>;
}

/** A decision about an organisation. */
export interface StandingRequest {
  /** Why; it is in the audit log (minLength: 1, maxLength: 500) */
  reason: string;
}

