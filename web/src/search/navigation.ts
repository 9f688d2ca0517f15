// What the page shows, kept in the address: pushed by searches, given back by the browser's buttons.

import { type ReadonlySignal, signal } from "@preact/signals";
import { readAddress, type View, writeAddress } from "./address";
import type { Picture, Question } from "./question";

/** How far an answer is read. */
export interface Read {
  /** Hits that are shown. */
  shown: number;
  /** Of the window, in CSS pixels. */
  scrollY: number;
}

/** Kept by the browser beside each address. */
interface Entry {
  /** Index of a visitor's own file, which no address can hold. */
  file?: number;
  /** Whether going back closes the picture that is opened. */
  wasOpenedHere?: boolean;
  /** For the way back. */
  read?: Read;
}

export class Navigation {
  readonly view: ReadonlySignal<View>;
  /** Tells how far the answer is read; null while there is none. */
  reading: () => Read | null = () => null;
  readonly #view;
  readonly #facets: string[];
  /** For as long as the page is open. */
  readonly #files: Picture[] = [];

  constructor(facets: string[]) {
    this.#facets = facets;
    this.#view = signal(this.#read());
    this.view = this.#view;
    addEventListener("popstate", () => this.#show(this.#read()));
  }

  /** How far the answer had been read when this step was left; null where it is a new one. */
  get read(): Read | null {
    return entry().read ?? null;
  }

  /** Keeps how far the answer is read now. */
  keep(): void {
    const read = this.reading();
    if (read) {
      history.replaceState({ ...entry(), read }, "");
    }
  }

  /** Shows the answer to `question`, as a new step of the browser's history. */
  ask(question: Question): void {
    this.#go({ question, open: null }, {}, "pushState");
  }

  /** Corrects the question in place: dragging a slider makes no hundred steps. */
  correct(question: Question): void {
    this.#go({ ...this.view.value, question }, {}, "replaceState");
  }

  /** Opens a picture, or goes from an opened one to another. */
  open(image: string): void {
    const isOpen = this.view.value.open !== null;
    const wasOpenedHere = isOpen ? Boolean(entry().wasOpenedHere) : true;
    const view = { ...this.view.value, open: image };
    this.#go(view, { wasOpenedHere }, isOpen ? "replaceState" : "pushState");
  }

  /** Closes the picture that is opened. */
  close(): void {
    if (this.view.value.open === null) {
      return;
    }
    if (entry().wasOpenedHere) {
      history.back();
    } else {
      this.#go({ ...this.view.value, open: null }, {}, "replaceState");
    }
  }

  /** Address of the page with `image` opened, for links. */
  addressOf(image: string): string {
    return writeAddress({ ...this.view.value, open: image });
  }

  #go(view: View, more: Entry, how: "pushState" | "replaceState"): void {
    if (how === "pushState") {
      this.keep();
    }
    const { picture } = view.question;
    const file = picture && "dataUrl" in picture ? { file: this.#fileIndex(picture) } : {};
    // Behind a picture that is opened lies the same answer.
    const read = view.question === this.view.value.question ? { read: entry().read } : {};
    history[how]({ ...more, ...file, ...read }, "", writeAddress(view) || location.pathname);
    this.#show(view);
  }

  #fileIndex(picture: Picture): number {
    const known = this.#files.indexOf(picture);
    return known >= 0 ? known : this.#files.push(picture) - 1;
  }

  #read(): View {
    const view = readAddress(location.search, this.#facets);
    const { file } = entry();
    const picture = file === undefined ? undefined : this.#files[file];
    return picture ? { ...view, question: { ...view.question, picture } } : view;
  }

  /** An equal question stays the same object, so that it is not searched again. */
  #show(view: View): void {
    const before = this.#view.value.question;
    const isSame = key(before) === key(view.question) && file(before) === file(view.question);
    this.#view.value = isSame ? { ...view, question: before } : view;
  }
}

/** Equal for equal questions but for the visitor's file. */
function key(question: Question): string {
  return writeAddress({ question, open: null });
}

function file({ picture }: Question): Picture | null {
  return picture && "dataUrl" in picture ? picture : null;
}

function entry(): Entry {
  return (history.state as Entry | null) ?? {};
}
