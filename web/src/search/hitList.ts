// The hits of a question: asked for page by page, the newest question winning.

import { batch, signal } from "@preact/signals";
import { type ImageRecord, imageRecords } from "../common/images";
import { isAbort, sentenceOf, withoutLabel } from "../common/service";
import type { Settings } from "../common/settings";
import { type Row, select } from "../common/sparql";
import { bestQuery, hitsQuery, PAGE } from "./compose";
import { type Hit, newHit } from "./hit";
import { isAsked, NOTHING, type Question } from "./question";

export type Phase = "idle" | "searching" | "adding" | "shown";

/** Sizes that come later cannot be waited for: the hits are shown as squares then. */
const PATIENCE_MS = 1500;

export class HitList {
  readonly hits = signal<Hit[]>([]);
  readonly phase = signal<Phase>("idle");
  /** Whether `hits` are all that there are. */
  readonly isComplete = signal(true);
  /** Why the last request failed, in a sentence. */
  readonly error = signal<string | null>(null);
  /** Where there is no hit: the highest score that an image has. */
  readonly best = signal<number | null>(null);
  readonly #settings: Settings;
  #question: Question = NOTHING;
  /** Rows that were answered; images that came twice are counted too. */
  #offset = 0;
  #running = new AbortController();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Looks for `question` from the beginning; whether it was answered and is still wanted. */
  async search(question: Question): Promise<boolean> {
    this.#question = question;
    this.#offset = 0;
    if (!isAsked(question)) {
      this.#running.abort();
      this.#clear();
      return false;
    }
    return this.#run("searching", []);
  }

  /** Adds the next hits. */
  async more(): Promise<void> {
    if (this.phase.value === "shown" && !this.isComplete.value) {
      await this.#run("adding", this.hits.value);
    }
  }

  /** Does again what failed. */
  async retry(): Promise<void> {
    await (this.#offset > 0 ? this.#run("adding", this.hits.value) : this.search(this.#question));
  }

  #clear(): void {
    batch(() => {
      this.hits.value = [];
      this.phase.value = "idle";
      this.isComplete.value = true;
      this.error.value = null;
      this.best.value = null;
    });
  }

  async #run(phase: Phase, before: Hit[]): Promise<boolean> {
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    batch(() => {
      this.phase.value = phase;
      this.error.value = null;
    });
    try {
      await this.#page(before, signal);
      return !signal.aborted;
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) {
        this.#fail(error, before);
      }
      return false;
    }
  }

  #fail(error: unknown, before: Hit[]): void {
    batch(() => {
      this.hits.value = before;
      this.isComplete.value = before.length === 0;
      this.phase.value = "shown";
      this.best.value = null;
      this.error.value = error instanceof RangeError ? error.message : told(error);
    });
  }

  async #page(before: Hit[], signal: AbortSignal): Promise<void> {
    const { root } = this.#settings;
    const query = hitsQuery(this.#question, this.#settings, this.#offset);
    const { rows } = await select<"image" | "score">(root, query, signal);
    const known = new Set(before.map(({ image }) => image));
    const scores = scoresOf(rows).filter(([image]) => !known.has(image));
    const records = imageRecords(
      root,
      scores.map(([image]) => image),
      signal,
    ).catch(() => new Map<string, ImageRecord>());
    const inTime = await Promise.race([records, after(PATIENCE_MS)]);
    const best = scores.length + before.length > 0 ? null : await this.#best(signal);
    signal.throwIfAborted();
    const added = scores.map(([image, score]) => newHit(image, score, inTime?.get(image) ?? null));
    batch(() => {
      this.hits.value = [...before, ...added];
      this.isComplete.value = rows.length < PAGE;
      this.best.value = best;
      this.phase.value = "shown";
    });
    this.#offset += rows.length;
    if (!inTime) {
      this.#describe(await records, signal);
    }
  }

  /** Titles that came late; the boxes stay as they are. */
  #describe(records: Map<string, ImageRecord>, signal: AbortSignal): void {
    if (!signal.aborted) {
      this.hits.value = this.hits.value.map((hit) => ({
        ...hit,
        record: hit.record ?? records.get(hit.image) ?? null,
      }));
    }
  }

  async #best(signal: AbortSignal): Promise<number | null> {
    const query = bestQuery(this.#question, this.#settings);
    const { rows } = await select<"score">(this.#settings.root, query, signal);
    const score = rows[0]?.score;
    return score?.type === "literal" ? Number(score.value) : null;
  }
}

/** Each image once, in the order of its first row. */
function scoresOf(rows: Row<"image" | "score">[]): [string, number][] {
  const scores = new Map<string, number>();
  for (const { image, score } of rows) {
    if (image?.type === "uri" && score?.type === "literal" && !scores.has(image.value)) {
      scores.set(image.value, Number(score.value));
    }
  }
  return [...scores];
}

function after(milliseconds: number): Promise<null> {
  return new Promise((done) => {
    setTimeout(() => done(null), milliseconds);
  });
}

/** What went wrong, for visitors who asked in no query: of a picture, why it is none. */
function told(error: unknown): string {
  const sentence = withoutLabel(sentenceOf(error));
  return sentence.replace(/^clip:query(URL|Image) of the clip:Request \S+ gives no image: /, "");
}
