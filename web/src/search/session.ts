// A visit to the search page: what is asked, what was found, what is gathered.

import { computed, effect, signal, untracked } from "@preact/signals";
import { language } from "../common/i18n";
import type { Settings } from "../common/settings";
import { Basket } from "./basket/basket";
import { FacetCounts } from "./facetCounts";
import { HitList } from "./hitList";
import { after } from "./inView";
import { Navigation } from "./navigation";
import { isAsked, NOTHING, type Picture, type Question } from "./question";
import { followReading, readOn } from "./reading";

/** What is known about pictures comes before counts, unless it takes long. */
const PATIENCE_MS = 1500;

export class Session {
  readonly settings: Settings;
  readonly navigation: Navigation;
  readonly hits: HitList;
  readonly counts: FacetCounts;
  readonly basket = new Basket();
  /** Why a picture that was dropped, pasted or chosen cannot be taken. */
  readonly refusal = signal<string | null>(null);
  readonly question = computed(() => this.navigation.view.value.question);

  constructor(settings: Settings) {
    this.settings = settings;
    this.navigation = new Navigation(settings.facets.map(({ name }) => name));
    this.hits = new HitList(settings);
    this.counts = new FacetCounts(settings);
    followReading(this.navigation, this.hits);
    effect(() => {
      const question = this.question.value;
      const spoken = language.value;
      // What it reads on its way shall not start it again.
      untracked(() => this.#answer(question, spoken));
    });
  }

  /** Asks the present question with `change`. */
  ask(change: Partial<Question>): void {
    this.refusal.value = null;
    this.navigation.ask({ ...this.question.value, ...change });
  }

  /** The same without a new step in the browser's history. */
  correct(change: Partial<Question>): void {
    this.navigation.correct({ ...this.question.value, ...change });
  }

  /** Asks a question of its own: what was asked and chosen before does not count. Its answer is read from the top. */
  askAnew(question: Partial<Question>): void {
    this.navigation.ask({ ...NOTHING, ...question });
    scrollTo({ top: 0, behavior: "instant" });
  }

  /** Looks for what `picture` shows, together with the text if there is one. */
  askPicture(picture: Picture): void {
    this.ask({ picture });
  }

  /** Does again what failed. */
  async retry(): Promise<void> {
    await this.hits.retry();
    if (this.hits.error.value === null) {
      await this.counts.count(this.question.value, language.value);
    }
  }

  #answered: Question | null = null;

  /** Hits first, then what is known about them, then counts; another language changes only labels. */
  async #answer(question: Question, spoken: string): Promise<void> {
    if (question !== this.#answered) {
      this.#answered = question;
      this.counts.reset();
      const { read } = this.navigation;
      // Browsers would go back to a place before the hits are there that it lies among.
      history.scrollRestoration = isAsked(question) ? "manual" : "auto";
      const found = this.hits.search(question, read?.shown);
      if (read) {
        void readOn(read, found);
      }
      const isFound = await found;
      if (isAsked(question) && !isFound) {
        return;
      }
      await Promise.race([this.hits.described, after(PATIENCE_MS)]);
      if (question !== this.#answered) {
        return;
      }
    }
    await this.counts.count(question, spoken);
  }
}
