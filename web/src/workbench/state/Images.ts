// What the service knows about the images of an answer, asked for as they are needed.
import { batch, signal } from "@preact/signals";
import { imageRecords } from "../../common/images";
import type { KnownImages } from "../answer/pictures";

export class Images {
  readonly known = signal<KnownImages>(new Map());
  /** Those of which the service has told whether it knows them. */
  readonly answered = signal<ReadonlySet<string>>(new Set());
  readonly #asked = new Set<string>();

  constructor(readonly root: string) {}

  /** Asks about those that were never asked about. Without an answer, pictures are shown by their looks. */
  async lookUp(iris: readonly string[]): Promise<void> {
    const unasked = iris.filter((iri) => !this.#asked.has(iri));
    if (unasked.length === 0) {
      return;
    }
    for (const iri of unasked) {
      this.#asked.add(iri);
    }
    const found = await imageRecords(this.root, unasked).catch(() => new Map());
    batch(() => {
      this.answered.value = new Set([...this.answered.value, ...unasked]);
      if (found.size > 0) {
        this.known.value = new Map([...this.known.value, ...found]);
      }
    });
  }
}
