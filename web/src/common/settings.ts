// What the server tells the pages about itself, in the JSON of its shell.

import type { Language } from "./i18n";

export interface Settings {
  /** Name of the service. */
  name: string;
  /** Chosen by Accept-Language; the visitor's own choice wins. */
  language: Language;
  /** Prefix of relative URLs: "" on "/" and "/sparql", "../" on "/sparql/". */
  root: string;
  /** Absolute URL of /sparql, for showing; the pages call it relative to `root`. */
  endpoint: string;
  nImages: number;
  /** `clip:minScore` where none is given. */
  defaultMinScore: number;
  bodyLimitBytes: number;
  hasMetadata: boolean;
  logo: string | null;
  footer: FooterLink[];
  viewers: Viewer[];
  facets: Facet[];
  /** Those that the patterns of `facets` use. */
  prefixes: Record<string, string>;
  examples: Example[];
  vocabulary: VocabularyTerm[];
}

export interface FooterLink {
  label: string;
  url: string;
}

/** A IIIF viewer; "{manifest}" in its URL stands for the encoded URL of a manifest. */
export interface Viewer {
  name: string;
  url: string;
}

/** A SPARQL group pattern that binds `?image`, `?value` and perhaps `?label`. */
export interface Facet {
  name: string;
  pattern: string;
}

export interface Example {
  title: string;
  comment: string;
  query: string;
}

export interface VocabularyTerm {
  term: string;
  comment: string;
}

/** For what an older or smaller server leaves out. */
const DEFAULTS: Settings = {
  name: "IIIF CLIP Search",
  language: "en",
  root: "",
  endpoint: "",
  nImages: 0,
  defaultMinScore: 0.2,
  bodyLimitBytes: 10 * 1024 * 1024,
  hasMetadata: false,
  logo: null,
  footer: [],
  viewers: [],
  facets: [],
  prefixes: {},
  examples: [],
  vocabulary: [],
};

/** The settings in `page`, completed by defaults. */
export function readSettings(page: Document): Settings {
  const text = page.getElementById("settings")?.textContent;
  const given: Partial<Settings> = text ? JSON.parse(text) : {};
  return { ...DEFAULTS, ...given };
}

/** The absolute URL of `path` of the service, as programs elsewhere have to call it. */
export function absoluteUrl(settings: Settings, path: string): string {
  return new URL(settings.root + path, document.baseURI).href;
}
