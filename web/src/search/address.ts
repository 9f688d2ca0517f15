// A search as URL parameters and back: what can be shared, bookmarked, gone back to.

import { isIri, type Literal, literal, type NamedTerm, written } from "../common/term";
import { NOTHING, PERIOD, type Question, type Region, type Years } from "./question";

/** What the page shows: a question, and perhaps one picture opened. */
export interface View {
  question: Question;
  /** IIIF URL of the picture that is opened. */
  open: string | null;
}

/** Parameters of our own; a facet of such a name gets a prefix. */
const OWN = new Set(["q", "not", "url", "like", "region", "min", "open", PERIOD]);

/** The view that `search` (`location.search`) stands for; what cannot be read is left out. */
export function readAddress(search: string, facets: string[]): View {
  const from = new URLSearchParams(search);
  const url = from.get("url") ?? "";
  const question: Question = {
    ...NOTHING,
    text: from.get("q") ?? "",
    not: from.get("not") ?? "",
    picture: isIri(url) ? { url } : null,
    region: readRegion(from.get("region") ?? ""),
    like: from.getAll("like").filter(isIri),
    minScore: readScore(from.get("min")),
    chosen: readChosen(from, facets),
    years: readYears(from.get(PERIOD) ?? ""),
  };
  const open = from.get("open") ?? "";
  return { question, open: isIri(open) ? open : null };
}

/** The URL query ("?…", or "" where nothing is asked) of `view`; a visitor's own file is left out. */
export function writeAddress({ question, open }: View): string {
  const to = new URLSearchParams();
  const put = (name: string, value: string | null) => value && to.append(name, value);
  put("q", question.text);
  put("not", question.not);
  put("url", question.picture && "url" in question.picture ? question.picture.url : null);
  put("region", question.region && writeRegion(question.region));
  for (const image of question.like) {
    put("like", image);
  }
  put("min", question.minScore === null ? null : String(question.minScore));
  for (const [name, terms] of Object.entries(question.chosen)) {
    for (const term of terms) {
      put(parameter(name), writeTerm(term));
    }
  }
  put(PERIOD, question.years && `${question.years.from}..${question.years.to}`);
  put("open", open);
  const text = readable(to.toString());
  return text ? `?${text}` : "";
}

/** What need not be escaped in a URL's query is left as people know it. */
function readable(query: string): string {
  return query.replace(/%(3A|2F|2C|40|22)/gi, (escaped) =>
    escaped === "%22" ? escaped : decodeURIComponent(escaped),
  );
}

function parameter(facet: string): string {
  return OWN.has(facet) ? `facet.${facet}` : facet;
}

function readChosen(from: URLSearchParams, facets: string[]): Question["chosen"] {
  const chosen: Question["chosen"] = {};
  for (const name of facets.filter((facet) => facet !== PERIOD)) {
    const terms = from
      .getAll(parameter(name))
      .map(readTerm)
      .filter((term) => term !== null);
    if (terms.length > 0) {
      chosen[name] = terms;
    }
  }
  return chosen;
}

/** An IRI stands as it is, a literal as SPARQL writes it. */
function writeTerm(term: NamedTerm): string {
  return term.type === "uri" ? term.value : written(term);
}

function readTerm(text: string): NamedTerm | null {
  if (!text.startsWith('"')) {
    return isIri(text) ? { type: "uri", value: text } : null;
  }
  const [, quoted, language, datatype] =
    /^("(?:[^"\\]|\\.)*")(?:@([a-z][a-z0-9-]*)|\^\^<([^<>]+)>)?$/is.exec(text) ?? [];
  if (quoted === undefined) {
    return null;
  }
  const term: Literal = { type: "literal", value: unquoted(quoted) };
  if (language) {
    term["xml:lang"] = language;
  }
  if (datatype && isIri(datatype)) {
    term.datatype = datatype;
  }
  return term;
}

/** The text that `literal` wrote. */
function unquoted(quoted: string): string {
  const plain: Record<string, string> = {};
  for (const character of '\\"\n\r\t\b\f') {
    plain[literal(character).slice(1, -1)] = character;
  }
  return quoted.slice(1, -1).replace(/\\./g, (escaped) => plain[escaped] ?? escaped);
}

/** As a media fragment: `IRI#xywh=x,y,width,height`. */
function writeRegion({ image, x, y, width, height }: Region): string {
  return `${image}#xywh=${x},${y},${width},${height}`;
}

function readRegion(text: string): Region | null {
  const found = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(text);
  if (!found) {
    return null;
  }
  const [image = "", ...numbers] = found.slice(1);
  const [x = 0, y = 0, width = 0, height = 0] = numbers.map(Number);
  return isIri(image) && width > 0 && height > 0 ? { image, x, y, width, height } : null;
}

function readScore(text: string | null): number | null {
  const score = text?.trim() ? Number(text) : Number.NaN;
  return score >= -1 && score <= 1 ? score : null;
}

function readYears(text: string): Years | null {
  const found = /^(-?\d{1,6})\.\.(-?\d{1,6})$/.exec(text);
  const [from, to] = found?.slice(1).map(Number) ?? [];
  return from !== undefined && to !== undefined && from <= to ? { from, to } : null;
}
