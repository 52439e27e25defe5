// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people send and receive about passkeys (WebAuthn, in the browsers' JSON form). */

/** A new passkey. */
export interface NewPasskeyRequest {
  /** `PublicKeyCredential.toJSON()`: `id`, `rawId`, `type` and `response` */
  credential: Record<string, unknown>;
  /** What the person calls it (minLength: 1, maxLength: 120) */
  name: string;
}

/** What an authenticator answers. */
export interface PasskeyAnswer {
  /** `PublicKeyCredential.toJSON()`: `id`, `rawId`, `type` and `response` */
  credential: Record<string, unknown>;
}

/** A person's passkeys. */
export interface PasskeyList {
  /** The passkeys, the oldest first */
  items: Array<PasskeyView>;
}

/** Options for the browser. */
export interface PasskeyOptions {
  /** `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` */
  options: Record<string, unknown>;
}

/** A passkey. */
export interface PasskeyView {
  /** The passkey's id, `pky_…` */
  id: string;
  /** What the person calls it */
  name: string;
  /** When it was added (format: "date-time") */
  created_at: string;
  /** When it was last used */
  used_at: string | null;
}

