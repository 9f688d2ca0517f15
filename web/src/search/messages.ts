// The messages of the search page, loaded for the language that is spoken.

import { translator } from "../common/i18n";
import type en from "./i18n/en.json";

export const { t, plural } = translator<keyof typeof en>({
  en: () => import("./i18n/en.json", { with: { type: "json" } }),
  de: () => import("./i18n/de.json", { with: { type: "json" } }),
  fr: () => import("./i18n/fr.json", { with: { type: "json" } }),
  it: () => import("./i18n/it.json", { with: { type: "json" } }),
});

/** The message of `key` if there is one, else `other`: names that operators choose are shown as they are. */
export function tOr(key: string, other: string): string {
  const message = t(key as keyof typeof en);
  return message === key ? other : message;
}
