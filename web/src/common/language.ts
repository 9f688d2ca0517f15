// Of values in several languages, those that a visitor reads best.

export interface LanguageValue {
  value: string;
  language?: string;
}

/**
 * The values in the best language that there is: the visitor's, English, none, the first of the others.
 *
 * Values without a language (names, years) are kept beside those in the visitor's.
 */
export function inLanguage<Value extends LanguageValue>(values: Value[], wanted: string): Value[] {
  const first = values.find((value) => value.language);
  const order = [wanted, "en", "", primary(first?.language)];
  for (const language of order) {
    if (values.some((value) => primary(value.language) === language)) {
      return values.filter((value) => ["", language].includes(primary(value.language)));
    }
  }
  return values;
}

/** "de" of "de-CH"; "" where there is none. */
function primary(language: string | undefined): string {
  return (language ?? "").toLowerCase().split("-")[0] ?? "";
}
