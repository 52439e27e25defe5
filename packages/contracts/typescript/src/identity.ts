// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What identity receives and answers under `/api`. */

/** The codes of a device's login; its fields are those of RFC 8628, section 3.2. */
export interface DeviceAuthorizationAnswer {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  /** Seconds */
  expires_in: number;
  /** Seconds between two questions of the device */
  interval: number;
}

/** The tokens of a device that a person approved (RFC 6749, section 5.1). */
export interface DeviceTokenAnswer {
  access_token: string;
  /** (default: "Bearer") */
  token_type?: "Bearer";
  /** Seconds */
  expires_in: number;
  refresh_token: string;
}

/** A service that a key is held to. */
export interface HeldService {
  /** The service's id, `svc_…` */
  id: string;
  /** `vendor/name` */
  name: string;
}

/** What RFC 7662 says of a token; of one that is not in force only that `active` is false. */
export interface IntrospectionView {
  active: boolean;
  /** What the key may do, separated by spaces */
  scope?: string | null;
  /** The key's id */
  client_id?: string | null;
  /** The organisation whose key it is */
  sub?: string | null;
  /** The deployment whose token it is; a key has none */
  aud?: string | null;
  token_type?: "Bearer" | null;
  /** When it was made, in seconds since 1970 */
  iat?: number | null;
  /** When it ends, in seconds since 1970; missing where it does not */
  exp?: number | null;
}

/** What a key is held to. Where a list is empty, it is held to none. */
export interface KeyHoldRequest {
  /** The only services that it calls, each `vendor/name` (maxItems: 50) */
  services?: Array<string>;
  /** The only addresses or networks (CIDR) that it is taken from, such as `203.0.113.0/24` (maxItems: 50) */
  addresses?: Array<string>;
}

/** Some keys; `next` is the `after` of the next page. */
export interface KeyPage {
  items: Array<KeyView>;
  next: string | null;
}

/** A key without its secret. */
export interface KeyView {
  id: string;
  kind: "ck" | "vk";
  name: string;
  scopes: Array<string>;
  /** (format: "date-time") */
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  rotated_to: string | null;
  /** The id of whoever made it (default: "") */
  created_by?: string;
  /** Who made it; empty where they are gone (default: "") */
  created_by_name?: string;
  /** The quarter hour of its last call in the last 31 days */
  last_used_at?: string | null;
  /** The only services that it calls; empty: all that are subscribed to */
  services?: Array<HeldService>;
  /** The only networks that it is taken from; empty: any */
  addresses?: Array<string>;
}

/** Who is asking and what they may do. */
export interface MeView {
  organisation: string;
  organisation_id: string;
  actor: string;
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  permissions: Array<string>;
  is_operator: boolean;
}

/** A key with its text, shown this once. */
export interface NewKeyAnswer {
  id: string;
  kind: "ck" | "vk";
  name: string;
  scopes: Array<string>;
  /** (format: "date-time") */
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  rotated_to: string | null;
  /** The id of whoever made it (default: "") */
  created_by?: string;
  /** Who made it; empty where they are gone (default: "") */
  created_by_name?: string;
  /** The quarter hour of its last call in the last 31 days */
  last_used_at?: string | null;
  /** The only services that it calls; empty: all that are subscribed to */
  services?: Array<HeldService>;
  /** The only networks that it is taken from; empty: any */
  addresses?: Array<string>;
  key: string;
}

/** A key: `ck` to call and subscribe, `vk` to publish. `scopes` left out: all its kind may carry. */
export interface NewKeyRequest {
  /** The only services that it calls, each `vendor/name` (maxItems: 50) */
  services?: Array<string>;
  /** The only addresses or networks (CIDR) that it is taken from, such as `203.0.113.0/24` (maxItems: 50) */
  addresses?: Array<string>;
  kind: "ck" | "vk";
  /** (minLength: 1, maxLength: 120) */
  name: string;
  scopes?: Array<string> | null;
  expires_at?: string | null;
}

/** A colleague. */
export interface NewUserRequest {
  /** (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** (minLength: 1, maxLength: 120) */
  name: string;
  /** (minLength: 12, maxLength: 200, format: "password") */
  password: string;
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
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

/** The refresh token of the last pair; each is good once. */
export interface RefreshRequest {
  /** (maxLength: 300, format: "password") */
  refresh_token: string;
}

/** How long the old key lives on, in seconds; never past its own expiry. */
export interface RotateKeyRequest {
  /** (minimum: 0, maximum: 604800, default: 3600) */
  grace_seconds?: number;
}

/** A pair of tokens: `access_token` for calls, `refresh_token` for the next pair. */
export interface SessionView {
  access_token: string;
  /** (format: "date-time") */
  access_expires_at: string;
  refresh_token: string;
  /** (format: "date-time") */
  refresh_expires_at: string;
  /** At sign-in only: keep it, and send it with the next sign-in on this device */
  device_token?: string | null;
}

/** Who signs in. */
export interface SignInRequest {
  /** (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** (format: "password") */
  password: string;
  /** For people with a second factor: six digits of the app, or a recovery code */
  code?: string | null;
  /** What the last sign-in on this device gave: failed attempts of others then do not delay this one */
  device_token?: string | null;
}

/** What was made. */
export interface SignUpAnswer {
  organisation: OrganisationView;
  user: UserView;
}

/** A new organisation and its first administrator. */
export interface SignUpRequest {
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  organisation: string;
  /** (minLength: 1, maxLength: 120) */
  name: string;
  /** (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** (minLength: 12, maxLength: 200, format: "password") */
  password: string;
}

/** The people of an organisation, the oldest first. */
export interface UserList {
  items: Array<UserView>;
  next?: string | null;
}

/** A person. */
export interface UserView {
  id: string;
  email: string;
  name: string;
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** (format: "date-time") */
  created_at: string;
  /** Since when the person cannot sign in */
  disabled_at?: string | null;
}

/** Whether the operator vouches for the organisation: its releases may then go live by rule. */
export interface VerificationRequest {
  verified: boolean;
  /** Why; it is in the audit log (maxLength: 500, default: "") */
  reason?: string;
}

