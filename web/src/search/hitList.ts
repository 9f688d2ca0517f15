// The hits of a question: asked for page by page, the newest question winning.

import { batch, signal } from "@preact/signals";
import { type ImageRecord, imageRecords } from "../common/images";
import { isAbort } from "../common/service";
import type { Settings } from "../common/settings";
import { type Row, select } from "../common/sparql";
import { bestQuery, hitsQuery, PAGE } from "./compose";
import { described, type Hit, newHit } from "./hit";
import { after, picturesInView } from "./inView";
import { isAsked, NOTHING, type Question } from "./question";

export type Phase = "idle" | "searching" | "adding" | "shown";

/** Sizes that come later cannot be waited for: the hits are shown as squares then. */
const PATIENCE_MS = 1500;
/** Hits that are brought back at once to who comes back; the others come with scrolling, as they did. */
const MOST_AGAIN = 400;

export class HitList {
  readonly hits = signal<Hit[]>([]);
  readonly phase = signal<Phase>("idle");
  /** Whether `hits` are all that there are. */
  readonly isComplete = signal(true);
  /** What the last request failed with; null where it did not. */
  readonly error = signal<unknown>(null);
  /** Where there is no hit: the highest score that an image has. */
  readonly best = signal<number | null>(null);
  /** When all that is known about the hits that are shown stands beside them. */
  described: Promise<void> = Promise.resolve();
  readonly #settings: Settings;
  #question: Question = NOTHING;
  /** Hits of the first request. */
  #first = PAGE;
  /** Rows that were answered; images that came twice are counted too. */
  #offset = 0;
  #running = new AbortController();
  /** Of what is asked about hits that are shown already: the next ones do not stop it, another question does. */
  #describing = new AbortController();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Looks for `question` from the beginning; whether it was answered and is still wanted. */
  async search(question: Question, nWanted = PAGE): Promise<boolean> {
    this.#question = question;
    this.#first = PAGE * Math.ceil(Math.min(Math.max(nWanted, 1), MOST_AGAIN) / PAGE);
    this.#offset = 0;
    this.#describing.abort();
    this.#describing = new AbortController();
    if (!isAsked(question)) {
      this.#running.abort();
      this.#clear();
      return false;
    }
    return this.#run("searching");
  }

  /** Adds the next hits. */
  async more(): Promise<void> {
    if (this.phase.value === "shown" && !this.isComplete.value) {
      await this.#run("adding");
    }
  }

  /** Does again what failed. */
  async retry(): Promise<void> {
    await (this.#offset > 0 ? this.#run("adding") : this.search(this.#question, this.#first));
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

  async #run(phase: Phase): Promise<boolean> {
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    batch(() => {
      this.phase.value = phase;
      this.error.value = null;
    });
    try {
      await this.#page(phase, signal);
      return !signal.aborted;
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) {
        this.#fail(error, phase);
      }
      return false;
    }
  }

  #fail(error: unknown, phase: Phase): void {
    batch(() => {
      this.hits.value = this.#before(phase);
      this.isComplete.value = this.hits.value.length === 0;
      this.phase.value = "shown";
      this.best.value = null;
      this.error.value = error;
    });
  }

  /** The hits that stay. Looked at late: more may have become known about them meanwhile. */
  #before(phase: Phase): Hit[] {
    return phase === "adding" ? this.hits.value : [];
  }

  async #page(phase: Phase, signal: AbortSignal): Promise<void> {
    const { root } = this.#settings;
    const limit = this.#offset > 0 ? PAGE : this.#first;
    const query = hitsQuery(this.#question, this.#settings, this.#offset, limit);
    const { rows } = await select<"image" | "score">(root, query, signal);
    const known = new Set(this.#before(phase).map(({ image }) => image));
    const scores = scoresOf(rows).filter(([image]) => !known.has(image));
    const images = scores.map(([image]) => image);
    const sizes = imageRecords(root, images, signal, "none").catch(nothing);
    const inTime = await Promise.race([sizes, after(PATIENCE_MS)]);
    const best = scores.length + known.size > 0 ? null : await this.#best(signal);
    signal.throwIfAborted();
    const added = scores.map(([image, score]) => newHit(image, score, inTime?.get(image) ?? null));
    batch(() => {
      this.hits.value = [...this.#before(phase), ...added];
      this.isComplete.value = rows.length < limit;
      this.best.value = best;
      this.phase.value = "shown";
    });
    this.#offset += rows.length;
    this.described = this.#describe(images);
  }

  /** Titles, which come when the pictures are on their way; the boxes stay as they are. */
  async #describe(images: string[]): Promise<void> {
    const { signal } = this.#describing;
    await picturesInView();
    const asked = new Set(images);
    const records = await imageRecords(this.#settings.root, images, signal).catch(nothing);
    if (!signal.aborted) {
      this.hits.value = this.hits.value.map((hit) =>
        asked.has(hit.image) ? described(hit, records.get(hit.image) ?? null) : hit,
      );
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

function nothing(): Map<string, ImageRecord> {
  return new Map();
}
