// The messages of the workbench.
import { translator } from "../common/i18n";
import de from "./i18n/de.json";
import en from "./i18n/en.json";
import fr from "./i18n/fr.json";
import it from "./i18n/it.json";

export const { t, plural } = translator<keyof typeof en>({ en, de, fr, it });
