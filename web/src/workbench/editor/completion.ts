// What may be written at a place of the query.
import { isCodeBefore } from "../query/code";
import { KNOWN_PREFIXES } from "../query/knownPrefixes";
import { declaredPrefixes, type Insertion, missingPrefix, type Prefixes } from "../query/prefixes";
import { shortened } from "../query/shorten";
import { variablesOf } from "../query/variables";
import type { StoreTerm, StoreTerms } from "./storeTerms";
import { FUNCTIONS, KEYWORDS } from "./words";

export interface Proposal {
  label: string;
  kind: "variable" | "term" | "class" | "prefix" | "keyword" | "function";
  /** How often the store has it. */
  n?: number;
  comment?: string;
  /** The line that has to be put in along with it. */
  prefix?: Insertion;
  /** From 0 to 99: what is likelier comes first. */
  boost: number;
}

export interface Proposals {
  /** Where the word begins that they replace. */
  from: number;
  proposals: Proposal[];
}

export interface Knowledge {
  vocabulary: readonly { term: string; comment: string }[];
  store: StoreTerms;
  /** Of the operator, beside the well-known ones. */
  prefixes: Prefixes;
}

const CLIP = "https://service.swissartresearch.net/clip/";

/** The proposals at `offset`, or null inside of texts, comments and IRIs. */
export function proposalsAt(query: string, offset: number, knowledge: Knowledge): Proposals | null {
  if (!isCodeBefore(query, offset)) {
    return null;
  }
  const before = query.slice(0, offset);
  const word = /[?$]?[\p{L}\p{N}_.:-]*$/u.exec(before)?.[0] ?? "";
  const from = offset - word.length;
  if (/^[?$]/.test(word)) {
    return { from, proposals: variables(query, offset, word.charAt(0)) };
  }
  const isClass = /(?:[\s;,{}(\]]a|rdf:type)\s+$/.test(before.slice(0, from));
  const terms = termProposals(query, knowledge, isClass);
  return { from, proposals: word.includes(":") ? terms : [...terms, ...words(query, knowledge)] };
}

function variables(query: string, offset: number, sign: string): Proposal[] {
  return variablesOf(query, offset).map((name) => ({
    label: sign + name,
    kind: "variable",
    boost: 0,
  }));
}

/** Terms of this service and of the store; after `a` the classes come first. */
function termProposals(query: string, knowledge: Knowledge, isClass: boolean): Proposal[] {
  const declared = declaredPrefixes(query);
  // What the query declares comes first, so that its names win over others for the same namespace.
  const prefixes = { ...declared, ...KNOWN_PREFIXES, ...knowledge.prefixes, ...declared };
  const own = knowledge.vocabulary.map(
    ({ term, comment }, place): Proposal => ({
      label: prefixed(term),
      kind: isClassName(term) ? "class" : "term",
      comment,
      // The ontology names first what is used first.
      boost: (isClassName(term) === isClass ? 50 : 10) - Math.min(place, 9),
    }),
  );
  const { classes, predicates } = knowledge.store;
  return [
    ...own,
    ...classes.map((term, rank) => storeProposal(query, term, "class", isClass, rank, prefixes)),
    ...predicates.map((term, rank) => storeProposal(query, term, "term", !isClass, rank, prefixes)),
  ];
}

/** Settings name the terms of the vocabulary by IRI, by prefixed name or by name alone. */
function prefixed(term: string): string {
  return `clip:${term.replace(CLIP, "").replace(/^clip:/, "")}`;
}

function isClassName(term: string): boolean {
  return /^[A-Z]/.test(prefixed(term).slice("clip:".length));
}

function storeProposal(
  query: string,
  { iri, n }: StoreTerm,
  kind: "class" | "term",
  isExpected: boolean,
  rank: number,
  prefixes: Prefixes,
): Proposal {
  const name = shortened(iri, prefixes);
  const prefix = name?.split(":")[0] ?? "";
  const line = name && missingPrefix(query, prefix, prefixes[prefix] ?? "");
  const boost = (isExpected ? 40 : 0) - Math.min(rank, 39);
  return { label: name ?? `<${iri}>`, kind, n, boost, ...(line ? { prefix: line } : {}) };
}

function words(query: string, { prefixes }: Knowledge): Proposal[] {
  const names = Object.entries({ ...KNOWN_PREFIXES, ...prefixes, ...declaredPrefixes(query) });
  return [
    ...KEYWORDS.map((label): Proposal => ({ label, kind: "keyword", boost: 20 })),
    ...FUNCTIONS.map((label): Proposal => ({ label, kind: "function", boost: 5 })),
    ...names.map(([prefix, iri]): Proposal => {
      const line = missingPrefix(query, prefix, iri);
      const common = { label: `${prefix}:`, kind: "prefix", comment: iri, boost: 8 } as const;
      return line ? { ...common, prefix: line } : common;
    }),
  ];
}
