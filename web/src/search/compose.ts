// The SPARQL that a search is: readable, since the page shows it and hands it to the workbench.

import type { Facet, Settings } from "../common/settings";
import { iri, literal, type NamedTerm, written } from "../common/term";
import { type FacetPattern, facetPattern, usedPrefixes } from "./pattern";
import { PERIOD, type Question } from "./question";
import { regionUrl } from "./region";

/** Hits of one request to the service. */
export const PAGE = 40;
/** Images among which facet values are counted: the best of the request. */
export const COUNTED = 5000;
/** Facet values that are offered. Literals in several languages are more before the visitor's are chosen. */
const VALUES = 120;
/** More years than any collection has. */
const YEARS = 5000;

type Context = Pick<Settings, "facets" | "prefixes" | "defaultMinScore">;

/** `limit` hits from `offset` on, best first. */
export function hitsQuery(question: Question, context: Context, offset = 0, limit = PAGE): string {
  const choices = chosenPatterns(question, context);
  return query(context, choices, [
    // A facet pattern gives a row for each way in which it holds, an image alone never has two.
    `SELECT ${choices.length > 0 ? "DISTINCT " : ""}?image ?score WHERE {`,
    ...request(question, minScore(question, context)),
    ...choices.flatMap(restriction),
    "}",
    "ORDER BY DESC(?score)",
    `LIMIT ${limit}`,
    ...(offset > 0 ? [`OFFSET ${offset}`] : []),
  ]);
}

/** The best hit whatever its score. */
export function bestQuery(question: Question, context: Context): string {
  const choices = chosenPatterns(question, context);
  return query(context, choices, [
    "SELECT ?score WHERE {",
    ...request(question, -1),
    ...choices.flatMap(restriction),
    "}",
    "ORDER BY DESC(?score)",
    "LIMIT 1",
  ]);
}

/** `?count`: images of the request, `COUNTED` at most; of those, the ones that fulfil the choices. */
export function countQuery(question: Question, context: Context): string {
  const choices = chosenPatterns(question, context);
  return query(context, choices, [
    "SELECT (COUNT(DISTINCT ?image) AS ?count) WHERE {",
    ...request(question, minScore(question, context), COUNTED),
    ...choices.flatMap(restriction),
    "}",
  ]);
}

/**
 * How many images each value of `facet` has, under the choices of the other facets.
 *
 * Binds the value to the variable of the facet, `?count`, and `?named`: a digit, low for the languages
 * that the visitor reads best, and the label in that language. So MIN chooses, whatever labels there are.
 * `only` names the values to count; without it the most frequent are.
 */
export function facetQuery(
  question: Question,
  context: Context,
  facet: Facet,
  language: string,
  only: NamedTerm[] = [],
): string {
  const own = facetPattern(facet);
  const others = chosenPatterns(question, context, facet.name);
  const isPeriod = facet.name === PERIOD;
  const named = own.label && !isPeriod ? [`       ${bestLabel(own.label, language)}`] : [];
  return query(
    context,
    [{ ...own, restrictions: [] }, ...others],
    [
      `SELECT ${own.value} (COUNT(DISTINCT ?image) AS ?count)`,
      ...named,
      "WHERE {",
      ...request(question, minScore(question, context), COUNTED),
      ...restriction({ ...own, restrictions: only.length > 0 ? [values(own, only)] : [] }),
      ...others.flatMap(restriction),
      "}",
      `GROUP BY ${own.value}`,
      isPeriod ? `ORDER BY ${own.value}` : `ORDER BY DESC(?count) ${own.value}`,
      `LIMIT ${isPeriod ? YEARS : VALUES}`,
    ],
  );
}

/** The lowest score of a hit. */
export function minScore(question: Question, context: Pick<Settings, "defaultMinScore">): number {
  return question.minScore ?? context.defaultMinScore;
}

interface ChosenPattern extends FacetPattern {
  /** Lines that bind or bound the facet's value. */
  restrictions: string[];
}

/** The patterns of the facets of which something is chosen, without the facet `except`. */
function chosenPatterns(question: Question, context: Context, except?: string): ChosenPattern[] {
  return context.facets
    .filter((facet) => facet.name !== except)
    .map((facet) => {
      const pattern = facetPattern(facet);
      return { ...pattern, restrictions: restrictions(question, facet.name, pattern) };
    })
    .filter((pattern) => pattern.restrictions.length > 0);
}

function restrictions(question: Question, name: string, pattern: FacetPattern): string[] {
  if (name === PERIOD) {
    const { years } = question;
    return years
      ? [`FILTER(${pattern.value} >= ${years.from} && ${pattern.value} <= ${years.to})`]
      : [];
  }
  const chosen = question.chosen[name] ?? [];
  return chosen.length > 0 ? [values(pattern, chosen)] : [];
}

/** After the pattern, where it may even restrict a variable that a BIND gave. */
function values({ value }: FacetPattern, terms: NamedTerm[]): string {
  return `VALUES ${value} { ${terms.map(written).join(" ")} }`;
}

function restriction({ text, restrictions }: ChosenPattern): string[] {
  return [...text.split("\n"), ...restrictions].map((line) => `  ${line}`.trimEnd());
}

function bestLabel(label: string, language: string): string {
  const tag = `LANG(${label})`;
  const rank = [
    `IF(LANGMATCHES(${tag}, ${literal(language)}), "1",`,
    `IF(LANGMATCHES(${tag}, "en"), "2", IF(${tag} = "", "3", "4")))`,
  ].join(" ");
  return `(MIN(CONCAT(${rank}, STR(${label}))) AS ?named)`;
}

function request(question: Question, score: number, limit?: number): string[] {
  const properties = [
    ...inputs(question),
    `clip:minScore ${decimal(score)}`,
    ...(limit === undefined ? [] : [`clip:limit ${limit}`]),
    "clip:score ?score",
    "clip:iiifUrl ?image",
  ];
  return [
    ...centre(question.like),
    "  ?request a clip:Request ;",
    ...properties.map(
      (property, at) => `           ${property} ${at < properties.length - 1 ? ";" : "."}`,
    ),
  ];
}

function inputs({ text, not, picture, region, like }: Question): string[] {
  const [image, ...more] = like;
  const similar = more.length > 0 ? "?centre" : image && iri(image);
  return [
    text.trim() && `clip:queryString ${literal(text.trim())}`,
    picture &&
      ("url" in picture
        ? `clip:queryURL ${iri(picture.url)}`
        : `clip:queryImage ${literal(picture.dataUrl)}`),
    region && `clip:queryURL ${iri(regionUrl(region))}`,
    similar && `clip:similarTo ${similar}`,
    not.trim() && `clip:excludeString ${literal(not.trim())}`,
  ].filter((property) => typeof property === "string" && property !== "") as string[];
}

/** What several images have in common. */
function centre(like: string[]): string[] {
  if (like.length < 2) {
    return [];
  }
  return [
    "  {",
    "    SELECT (clip:centroid(?gathered) AS ?centre) WHERE {",
    "      VALUES ?gathered {",
    ...like.map((image) => `        ${iri(image)}`),
    "      }",
    "    }",
    "  }",
  ];
}

/** As SPARQL writes numbers without an exponent. */
function decimal(score: number): string {
  return String(Number(score.toFixed(4)));
}

function query(context: Context, patterns: ChosenPattern[], lines: string[]): string {
  const texts = patterns.map(({ text }) => text);
  const prefixes = usedPrefixes(context.prefixes, texts).filter(([prefix]) => prefix !== "clip");
  return [
    `PREFIX clip: ${iri(CLIP)}`,
    ...prefixes.map(([prefix, namespace]) => `PREFIX ${prefix}: ${iri(namespace)}`),
    "",
    ...lines,
  ].join("\n");
}

const CLIP = "https://service.swissartresearch.net/clip/";
