// A facet's SPARQL pattern with variables of its own, so that several stand in one query.

import type { Facet } from "../common/settings";

export interface FacetPattern {
  /** The pattern, its `?value` and all else but `?image` renamed. */
  text: string;
  /** The variable that `?value` became, with its "?". */
  value: string;
  /** The variable that `?label` became; null where the pattern has none. */
  label: string | null;
}

/** The pattern of `facet` with variables named after it. */
export function facetPattern({ name, pattern }: Facet): FacetPattern {
  const base = variableName(name);
  const label = `?${base}Label`;
  let hasLabel = false;
  const text = dedented(pattern).replace(TOKEN, (token) => {
    const [, variable] = VARIABLE.exec(token) ?? [];
    hasLabel ||= variable === "label";
    if (variable !== undefined) {
      return `?${renamed(variable, base)}`;
    }
    return token.startsWith("_:") ? `_:${base}_${token.slice(2)}` : token;
  });
  return { text, value: `?${base}`, label: hasLabel ? label : null };
}

/** The names of `prefixes` that `patterns` use. */
export function usedPrefixes(
  prefixes: Record<string, string>,
  patterns: string[],
): [string, string][] {
  const bare = patterns.join("\n").replace(TOKEN, (token) => (/^[?$_]/.test(token) ? token : " "));
  const used = new Set(Array.from(bare.matchAll(PREFIXED), ([, prefix]) => prefix));
  return Object.entries(prefixes).filter(([prefix]) => used.has(prefix));
}

const NAME = "[\\p{L}\\p{N}_]";
/** Strings, IRIs and comments, in which nothing is renamed; then variables and blank nodes. */
const TOKEN = new RegExp(
  [
    '"""(?:[^\\\\]|\\\\.)*?"""',
    "'''(?:[^\\\\]|\\\\.)*?'''",
    '"(?:[^"\\\\\\n]|\\\\.)*"',
    "'(?:[^'\\\\\\n]|\\\\.)*'",
    '<[^<>"{}|^`\\\\\\s]*>',
    "(?<!\\\\)#.*",
    `[?$]${NAME}+`,
    `(?<![\\p{L}\\p{N}_:.-])_:(?:${NAME}|[.-](?=${NAME}))+`,
  ].join("|"),
  "gsu",
);
const VARIABLE = new RegExp(`^[?$](${NAME}+)$`, "u");
const PREFIXED = new RegExp(`(?<!${NAME})((?:${NAME}(?:${NAME}|[-.])*)?):`, "gu");

/** Of the queries around the patterns. */
const TAKEN = new Set(["image", "score", "request", "count", "named", "centre", "gathered"]);

/** A facet's name as the name of a variable; different for different facets. */
function variableName(facet: string): string {
  const plain = Array.from(facet, (character) =>
    /^[a-z0-9_]$/i.test(character) ? character : `_${character.codePointAt(0)?.toString(16)}`,
  ).join("");
  return TAKEN.has(plain) || plain === "" ? `facet_${plain}` : plain;
}

function renamed(variable: string, base: string): string {
  switch (variable) {
    case "image":
      return "image";
    case "value":
      return base;
    case "label":
      return `${base}Label`;
    default:
      return `${base}_${variable}`;
  }
}

/** Without the indentation that all its lines share. */
function dedented(pattern: string): string {
  const lines = pattern.replace(/^\s*\n|\s+$/g, "").split("\n");
  const depths = lines.filter((line) => line.trim()).map((line) => line.search(/\S/));
  const depth = Math.min(...depths, Number.MAX_SAFE_INTEGER);
  return lines.map((line) => line.slice(depth).trimEnd()).join("\n");
}
