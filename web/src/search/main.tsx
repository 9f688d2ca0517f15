// Starts the search page.

import { render } from "preact";
import { startLanguage } from "../common/i18n";
import { readSettings } from "../common/settings";
import { SearchPage } from "./SearchPage";
import { Session } from "./session";

const settings = readSettings(document);
const place = document.getElementById("app");
await startLanguage(settings.language);
if (place) {
  render(<SearchPage session={new Session(settings)} />, place);
}
