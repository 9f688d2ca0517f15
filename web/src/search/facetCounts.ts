// How many images there are, in all and for each value of the facets.

import { signal } from "@preact/signals";
import { isAbort } from "../common/service";
import type { Facet, Settings } from "../common/settings";
import { type Row, select } from "../common/sparql";
import { COUNTED, countQuery, facetQuery } from "./compose";
import { type Choice, choices, uncounted, type YearCount, yearCounts } from "./facets";
import { facetPattern } from "./pattern";
import { isAsked, nChosen, PERIOD, type Question } from "./question";

export interface Total {
  count: number;
  /** Whether only the best images of the request were counted. */
  isBounded: boolean;
}

export interface Counted {
  facet: Facet;
  choices: Choice[];
  years: YearCount[];
  /** Whether the service could not count it. */
  isFailed: boolean;
}

export class FacetCounts {
  readonly total = signal<Total | null>(null);
  /** In the order of the settings. */
  readonly facets = signal<Counted[]>([]);
  readonly #settings: Settings;
  #running = new AbortController();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Stops what is counted for an earlier question, whose total no longer holds. */
  reset(): void {
    this.#running.abort();
    this.total.value = null;
  }

  /** Counts for `question`; labels are in `language` where there are such. */
  async count(question: Question, language: string): Promise<void> {
    this.reset();
    this.#running = new AbortController();
    const { signal } = this.#running;
    if (!isAsked(question)) {
      this.facets.value = [];
      return;
    }
    const facets = this.#settings.facets.map((facet) =>
      this.#facet(question, facet, language, signal),
    );
    const [total, ...counted] = await Promise.all([this.#total(question, signal), ...facets]);
    if (!signal.aborted) {
      this.total.value = total;
      this.facets.value = counted;
    }
  }

  async #total(question: Question, signal: AbortSignal): Promise<Total | null> {
    const free = { ...question, chosen: {}, years: null };
    try {
      const all = await this.#number(countQuery(free, this.#settings), signal);
      const isChosen = nChosen(question) > 0;
      const count = isChosen
        ? await this.#number(countQuery(question, this.#settings), signal)
        : all;
      return { count, isBounded: all >= COUNTED };
    } catch {
      return null;
    }
  }

  async #number(query: string, signal: AbortSignal): Promise<number> {
    const [row] = await this.#rows(query, signal);
    return row?.count?.type === "literal" ? Number(row.count.value) : 0;
  }

  async #facet(
    question: Question,
    facet: Facet,
    language: string,
    signal: AbortSignal,
  ): Promise<Counted> {
    const value = facetPattern(facet).value.slice(1);
    const chosen = question.chosen[facet.name] ?? [];
    try {
      const rows = await this.#rows(facetQuery(question, this.#settings, facet, language), signal);
      if (facet.name === PERIOD) {
        return { facet, choices: [], years: yearCounts(rows, value), isFailed: false };
      }
      const missing = uncounted(rows, value, chosen);
      if (missing.length > 0) {
        const query = facetQuery(question, this.#settings, facet, language, missing);
        rows.push(...(await this.#rows(query, signal)));
      }
      return { facet, choices: choices(rows, value, chosen, language), years: [], isFailed: false };
    } catch (error) {
      // What is chosen can be taken back even where nothing is counted.
      const kept = choices([], value, chosen, language);
      return { facet, choices: kept, years: [], isFailed: !isAbort(error) };
    }
  }

  async #rows(query: string, signal: AbortSignal): Promise<Row[]> {
    return (await select(this.#settings.root, query, signal)).rows;
  }
}
