// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The settings of the control plane, as its process has read them. */

/** Every setting. They are read once, when a process starts, so nothing here can be lost by a restart. */
export interface SettingList {
  items: Array<SettingView>;
}

/** One setting. A secret is never shown. */
export interface SettingView {
  /** The environment variable that sets it */
  name: string;
  /** `None` where it is not set */
  value: string | null;
  source: "default" | "given" | "generated";
  secret: boolean;
  description: string;
}

