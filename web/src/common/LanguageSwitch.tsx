// Chooses the language of the pages.

import { chooseLanguage, common, isLanguage, LANGUAGE_NAMES, LANGUAGES, language } from "./i18n";

export function LanguageSwitch() {
  return (
    <select
      class="language-switch"
      aria-label={common.t("language")}
      value={language.value}
      onChange={(event) => {
        const chosen = event.currentTarget.value;
        if (isLanguage(chosen)) {
          // Offline, the page goes on in the language that it has.
          chooseLanguage(chosen).catch(() => {});
        }
      }}
    >
      {LANGUAGES.map((name) => (
        <option key={name} value={name} lang={name} selected={name === language.value}>
          {LANGUAGE_NAMES[name]}
        </option>
      ))}
    </select>
  );
}
