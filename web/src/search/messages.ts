// The messages of the search page.

import { translator } from "../common/i18n";
import de from "./i18n/de.json";
import en from "./i18n/en.json";
import fr from "./i18n/fr.json";
import it from "./i18n/it.json";

export const { t, plural } = translator<keyof typeof en>({ en, de, fr, it });

/** The message of `key` if there is one, else `other`: names that operators choose are shown as they are. */
export function tOr(key: string, other: string): string {
  return Object.hasOwn(en, key) ? t(key as keyof typeof en) : other;
}
