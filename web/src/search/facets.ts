// What the facet queries answer, as choices for the visitor.

import { inLanguage } from "../common/language";
import type { Row } from "../common/sparql";
import { isNamed, type NamedTerm, type Term } from "../common/term";
import { termKey } from "./question";

/** A value of a facet that can be chosen. */
export interface Choice {
  term: NamedTerm;
  label: string;
  count: number;
  isChosen: boolean;
}

export interface YearCount {
  year: number;
  count: number;
}

/** Years from `from` to `to`, both included, and their images. */
export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** Values that are offered. */
const OFFERED = 30;

/**
 * The choices of a facet: the most frequent values, in the visitor's language, and whatever is chosen.
 *
 * `rows` bind `value` (the facet's variable, without "?"), `count` and perhaps `named`.
 */
export function choices(
  rows: Row[],
  value: string,
  chosen: NamedTerm[],
  language: string,
): Choice[] {
  const keys = new Set(chosen.map(termKey));
  const all = new Map<string, Choice>();
  for (const row of rows) {
    const term = row[value];
    if (isNamed(term)) {
      const key = termKey(term);
      all.set(key, {
        term,
        label: label(term, row.named),
        count: numberOf(row.count),
        isChosen: keys.has(key),
      });
    }
  }
  const readable = new Set(readableKeys([...all.values()], language).slice(0, OFFERED));
  const missing = chosen.filter((term) => !all.has(termKey(term)));
  return [
    ...[...all]
      .filter(([key, { isChosen }]) => isChosen || readable.has(key))
      .map(([, one]) => one),
    ...missing.map((term) => ({ term, label: label(term), count: 0, isChosen: true })),
  ];
}

/** Chosen values of which `rows` say nothing: they have to be asked for by name. */
export function uncounted(rows: Row[], value: string, chosen: NamedTerm[]): NamedTerm[] {
  const counted = new Set(
    rows
      .map((row) => row[value])
      .filter(isNamed)
      .map(termKey),
  );
  return chosen.filter((term) => !counted.has(termKey(term)));
}

/** Images by year, in the order of years; what is no number is left out. */
export function yearCounts(rows: Row[], value: string): YearCount[] {
  return rows
    .map((row) => ({ year: Math.trunc(numberOf(row[value])), count: numberOf(row.count) }))
    .filter(({ year }) => Number.isFinite(year))
    .sort((a, b) => a.year - b.year);
}

/** `counts` in at most `nBins` bins of equal length. */
export function bins(counts: YearCount[], nBins: number): Bin[] {
  const first = counts.at(0)?.year;
  const last = counts.at(-1)?.year;
  if (first === undefined || last === undefined) {
    return [];
  }
  const length = Math.ceil((last - first + 1) / nBins);
  const all: Bin[] = [];
  for (let from = first; from <= last; from += length) {
    all.push({ from, to: Math.min(last, from + length - 1), count: 0 });
  }
  for (const { year, count } of counts) {
    const bin = all[Math.floor((year - first) / length)];
    if (bin) {
      bin.count += count;
    }
  }
  return all;
}

/** IRIs all; of literals those in the visitor's language, or the next best. */
function readableKeys(all: Choice[], language: string): string[] {
  const literals = all.flatMap(({ term }) =>
    term.type === "literal" ? [{ value: termKey(term), language: term["xml:lang"] ?? "" }] : [],
  );
  const readable = new Set(inLanguage(literals, language).map(({ value }) => value));
  return all
    .filter(({ term }) => term.type === "uri" || readable.has(termKey(term)))
    .map(({ term }) => termKey(term));
}

/** What `named` says after its digit, else the value itself, of an IRI its last part. */
function label(term: NamedTerm, named?: Term): string {
  const text = isNamed(named) ? named.value.slice(1) : "";
  return text || (term.type === "uri" ? lastPart(term.value) : term.value);
}

function lastPart(iri: string): string {
  const part =
    iri
      .replace(/[/#]+$/, "")
      .split(/[/#]/)
      .at(-1) ?? iri;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function numberOf(term: Term | undefined): number {
  return isNamed(term) && term.value.trim() !== "" ? Number(term.value) : Number.NaN;
}
