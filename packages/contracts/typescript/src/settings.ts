// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The settings of the control plane, as its process has read them. */

/** Every setting. They are read once, when a process starts, so nothing here can be lost by a restart. */
export interface SettingList {
  /** The settings, by name */
  items: Array<SettingView>;
}

/** One setting. A secret is never shown. */
export interface SettingView {
  /** The environment variable that sets it */
  name: string;
  /** `None` where it is not set */
  value: string | null;
  /** Where the value comes from */
  source: "default" | "given" | "generated";
  /** Whether it is a secret, whose value is never shown */
  secret: boolean;
  /** What it sets */
  description: string;
}

