// The messages of the workbench, loaded for the language that is spoken.
import { translator } from "../common/i18n";
import type en from "./i18n/en.json";

export const { t, plural } = translator<keyof typeof en>({
  en: () => import("./i18n/en.json", { with: { type: "json" } }),
  de: () => import("./i18n/de.json", { with: { type: "json" } }),
  fr: () => import("./i18n/fr.json", { with: { type: "json" } }),
  it: () => import("./i18n/it.json", { with: { type: "json" } }),
});
