// What a visitor asks for: all that a search consists of.

import type { NamedTerm } from "../common/term";

/** A rectangle of an image of the collection, in pixels of the full image. */
export interface Region {
  image: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A picture from elsewhere: by its URL, or a file of the visitor's as data: URL. */
export type Picture = { url: string } | { dataUrl: string; name: string };

export interface Years {
  from: number;
  to: number;
}

export interface Question {
  text: string;
  /** What the pictures shall not look like. */
  not: string;
  picture: Picture | null;
  region: Region | null;
  /** Images of the collection; several stand for what they have in common. */
  like: string[];
  /** Null where the service's own minimum counts. */
  minScore: number | null;
  /** Chosen values by facet: one of them must hold, for every facet. */
  chosen: Record<string, NamedTerm[]>;
  years: Years | null;
}

export const NOTHING: Question = {
  text: "",
  not: "",
  picture: null,
  region: null,
  like: [],
  minScore: null,
  chosen: {},
  years: null,
};

/** Name of the facet whose values are years. */
export const PERIOD = "period";

/** Whether there is something to look for; exclusions alone are nothing. */
export function isAsked(question: Question): boolean {
  const { text, picture, region, like } = question;
  return text.trim() !== "" || picture !== null || region !== null || like.length > 0;
}

/** How many facet values and bounds restrict the search. */
export function nChosen(question: Question): number {
  const values = Object.values(question.chosen).reduce((n, terms) => n + terms.length, 0);
  return values + (question.years ? 1 : 0);
}

/** `question` with `term` of the facet `name` chosen, or no longer chosen if it was. */
export function toggled(question: Question, name: string, term: NamedTerm): Question {
  const before = question.chosen[name] ?? [];
  const others = before.filter((other) => !isSameTerm(other, term));
  const after = others.length < before.length ? others : [...before, term];
  const { [name]: _, ...rest } = question.chosen;
  return { ...question, chosen: after.length > 0 ? { ...rest, [name]: after } : rest };
}

export function isSameTerm(a: NamedTerm, b: NamedTerm): boolean {
  return termKey(a) === termKey(b);
}

/** Equal for equal terms. */
export function termKey(term: NamedTerm): string {
  return term.type === "uri"
    ? term.value
    : JSON.stringify([term.value, term["xml:lang"] ?? "", term.datatype ?? ""]);
}
