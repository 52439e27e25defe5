// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Credentials under `/api/credentials`: what a vendor's own endpoints ask for, stored sealed and never shown again. */

/** All of the organisation's, by name. */
export interface CredentialList {
  items: Array<CredentialView>;
}

/** The secret as its endpoint expects it: 8 to 4,096 visible ASCII characters, blanks only inside. */
export interface CredentialRequest {
  /** (maxLength: 16384) */
  value: string;
}

/** A stored secret, without it. Equal fingerprints: the same secret; nobody else can compute one. */
export interface CredentialView {
  name: string;
  fingerprint: string;
  created_by: string;
  /** (format: "date-time") */
  created_at: string;
  changed_by: string;
  /** (format: "date-time") */
  changed_at: string;
  /** The services, `vendor/name`, whose releases present it */
  used_by: Array<string>;
}

