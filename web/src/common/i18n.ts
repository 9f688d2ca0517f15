// The language of the pages: which one is spoken, and the messages in it.

import { signal } from "@preact/signals";
import de from "../i18n/de.json";
import en from "../i18n/en.json";
import fr from "../i18n/fr.json";
import it from "../i18n/it.json";

export const LANGUAGES = ["en", "de", "fr", "it"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each language by its own name. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  fr: "Français",
  it: "Italiano",
};

type Values = Record<string, string | number>;
type Messages<Key extends string> = Record<Key, string>;
/** Keys `x.one` and `x.other` are the forms of one message `x`. */
type PluralKey<Key extends string> = Key extends `${infer Stem}.other` ? Stem : never;

export interface Translator<Key extends string> {
  /** The message of `key`, with `{name}` replaced by the value of that name. */
  t: (key: Key, values?: Values) => string;
  /** The message of `stem` for `n` things, which `{n}` stands for. */
  plural: (stem: PluralKey<Key>, n: number, values?: Values) => string;
}

/** The messages of a language, or how to load them: a page of many words speaks one language at a time. */
type Table<Key extends string> = Messages<Key> | Loader<Key>;
type Loader<Key extends string> = () => Promise<{ default: Messages<Key> }>;

/** The only thing that the pages store. */
const STORED = "language";

/** Components that read a message follow it. */
export const language = signal<Language>("en");

/** Starts with the visitor's earlier choice, else with what the server proposes. */
export function startLanguage(proposed: string): Promise<void> {
  return speak([stored(), proposed].find(isLanguage) ?? "en");
}

/** Changes to a language that the visitor chose, and keeps the choice. */
export function chooseLanguage(chosen: Language): Promise<void> {
  try {
    localStorage.setItem(STORED, chosen);
  } catch {
    // A browser that stores nothing still speaks it until the page is left.
  }
  return speak(chosen);
}

/** A page's own messages: its tables have the same keys in every language. */
export function translator<Key extends string>(
  tables: Record<Language, Table<Key>>,
): Translator<Key> {
  const loaded: Partial<Record<Language, Messages<Key>>> = {};
  preparations.push((chosen) => {
    const table = tables[chosen];
    if (typeof table !== "function") {
      loaded[chosen] = table;
      return null;
    }
    return loaded[chosen]
      ? null
      : table().then(({ default: messages }) => {
          loaded[chosen] = messages;
        });
  });
  const messages = (): Partial<Record<string, string>> =>
    loaded[language.value] ?? written(tables[language.value]);
  const t = (key: Key, values: Values = {}) => filled(messages()[key] ?? key, values);
  const plural = (stem: PluralKey<Key>, n: number, values: Values = {}) => {
    const form = new Intl.PluralRules(language.value).select(n);
    const message = messages()[`${stem}.${form}`] ?? messages()[`${stem}.other`] ?? stem;
    return filled(message, { ...values, n: number(n) });
  };
  return { t, plural };
}

/** `n` as the language writes numbers. */
export function number(n: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(language.value, options).format(n);
}

export function isLanguage(name: unknown): name is Language {
  return LANGUAGES.some((known) => known === name);
}

/** What each translator needs before a language is spoken; null where nothing has to be waited for. */
const preparations: ((chosen: Language) => Promise<void> | null)[] = [];
let wanted: Language = "en";

/** The messages that all pages share. */
export const common = translator<keyof typeof en>({ en, de, fr, it });

/** At once if all messages are there; a language whose messages cannot be loaded is not spoken. */
function speak(chosen: Language): Promise<void> {
  wanted = chosen;
  const say = () => {
    if (wanted === chosen) {
      language.value = chosen;
      document.documentElement.lang = chosen;
    }
  };
  const waiting = preparations.map((prepare) => prepare(chosen)).filter((one) => one !== null);
  if (waiting.length === 0) {
    say();
    return Promise.resolve();
  }
  return Promise.all(waiting).then(say);
}

function written<Key extends string>(table: Table<Key>): Partial<Messages<Key>> {
  return typeof table === "function" ? {} : table;
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function filled(message: string, values: Values): string {
  return message.replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}
