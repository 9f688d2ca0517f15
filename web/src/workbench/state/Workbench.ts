// What the workbench knows at any time: the query, what it gave, and how that is looked at.
import { batch, computed, signal } from "@preact/signals";
import { isAbort, sentenceOf, withoutLabel } from "../../common/service";
import type { Settings } from "../../common/settings";
import { type Answer, readAnswer } from "../answer/answer";
import { ask, incomplete, type Received } from "../answer/ask";
import { chartColumns } from "../answer/chart";
import { PAGE_ACCEPT } from "../answer/formats";
import { pictureColumns, sampledIris } from "../answer/pictures";
import { chosenView, type View, viewsOf } from "../answer/views";
import { errorPlace } from "../editor/errorPlace";
import type { Explanation } from "../plan/explanation";
import type { LinkedQuery } from "../query/link";
import { declaredPrefixes, type Span } from "../query/prefixes";
import { Images } from "./Images";

/** A mistake in the query, as the service sees it. */
export interface Mistake {
  sentence: string;
  place: Span;
}

export type Progress =
  | { kind: "idle" }
  | { kind: "running"; startedAt: number }
  | { kind: "done"; milliseconds: number }
  | { kind: "cancelled"; milliseconds: number }
  | { kind: "failed"; sentence: string };

export class Workbench {
  readonly query = signal("");
  readonly progress = signal<Progress>({ kind: "idle" });
  readonly bytes = signal(0);
  readonly answer = signal<Answer | null>(null);
  readonly plan = signal<Explanation | null>(null);
  /** The query that answer and plan belong to. */
  readonly askedQuery = signal("");
  readonly mistake = signal<Mistake | null>(null);
  /** What the visitor wants to have selected in the editor. */
  readonly selection = signal<Span | null>(null);
  readonly wantedView = signal<View | null>(null);
  readonly images: Images;

  readonly isRunning = computed(() => this.progress.value.kind === "running");
  readonly pictures = computed(() => this.#ofTable(pictureColumns, []));
  readonly chart = computed(() => this.#ofTable(chartColumns, null));
  readonly views = computed(() =>
    viewsOf(this.answer.value, {
      hasPictures: this.pictures.value.length > 0,
      hasChart: this.chart.value !== null,
      hasPlan: this.plan.value !== null,
    }),
  );
  readonly view = computed(() => chosenView(this.wantedView.value, this.views.value));
  /** For IRIs in the answer: those that its query declares come first. */
  readonly prefixes = computed(() => ({
    ...declaredPrefixes(this.askedQuery.value),
    ...this.settings.prefixes,
  }));

  #abort = new AbortController();

  constructor(readonly settings: Settings) {
    this.images = new Images(settings.root);
  }

  /** Puts in a query that was linked to or chosen. */
  open({ query, view, isRun }: LinkedQuery): void {
    batch(() => {
      this.query.value = query;
      this.wantedView.value = view;
      this.mistake.value = null;
    });
    if (isRun) {
      this.run();
    }
  }

  run(): Promise<void> {
    if (this.wantedView.value === "plan") {
      this.wantedView.value = null;
    }
    return this.#ask(false, async ({ text, contentType }, signal) => {
      const answer = await read(text, contentType, signal);
      return () => {
        this.answer.value = answer;
        if (answer.kind === "table") {
          this.images.lookUp(sampledIris(answer.columns));
        }
      };
    });
  }

  explain(): Promise<void> {
    return this.#ask(true, async ({ text }) => {
      const plan = JSON.parse(text);
      return () => {
        this.plan.value = plan;
        this.wantedView.value = "plan";
      };
    });
  }

  cancel(): void {
    this.#abort.abort();
  }

  /** Asks, and keeps what `readReceived` makes of the answer. */
  async #ask(
    isExplain: boolean,
    readReceived: (received: Received, signal: AbortSignal) => Promise<() => void>,
  ): Promise<void> {
    this.cancel();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const query = this.query.value;
    const startedAt = performance.now();
    this.#start(query, startedAt, isExplain);
    let progress: Progress;
    try {
      const accept = isExplain ? "application/json" : PAGE_ACCEPT;
      const onBytes = (n: number) => {
        this.bytes.value = n;
      };
      const { root } = this.settings;
      const received = await ask({ root, query, accept, isExplain, signal, onBytes });
      const keep = await readReceived(received, signal);
      // Whoever cancelled meanwhile, or asked something else, does not want it any more.
      signal.throwIfAborted();
      batch(keep);
      progress = { kind: "done", milliseconds: performance.now() - startedAt };
    } catch (error) {
      progress = isAbort(error)
        ? { kind: "cancelled", milliseconds: performance.now() - startedAt }
        : this.#failure(error, query);
    }
    // A later question has taken over.
    if (signal === this.#abort.signal) {
      this.progress.value = progress;
    }
  }

  /** What an earlier query gave goes; of the same query, the plan may stay beside the answer. */
  #start(query: string, startedAt: number, isExplain: boolean): void {
    batch(() => {
      const isOther = query !== this.askedQuery.value;
      if (isOther || !isExplain) {
        this.answer.value = null;
      }
      if (isOther || isExplain) {
        this.plan.value = null;
      }
      this.askedQuery.value = query;
      this.mistake.value = null;
      this.bytes.value = 0;
      this.progress.value = { kind: "running", startedAt };
    });
  }

  #failure(error: unknown, query: string): Progress {
    const sentence = withoutLabel(sentenceOf(error));
    const place = errorPlace(sentence, query);
    this.mistake.value = place && { sentence, place };
    return { kind: "failed", sentence };
  }

  #ofTable<T>(find: (answer: TableOf, known: ReadonlyMap<string, unknown>) => T, none: T): T {
    const answer = this.answer.value;
    return answer?.kind === "table" ? find(answer, this.images.known.value) : none;
  }
}

type TableOf = Extract<Answer, { kind: "table" }>;

/** JSON that ends too early was cut where the connection did not say so. */
async function read(text: string, contentType: string, signal: AbortSignal): Promise<Answer> {
  try {
    return await readAnswer(text, contentType, signal);
  } catch {
    signal.throwIfAborted();
    throw incomplete(200);
  }
}
