// What the service knows about the images of an answer, asked for as they are needed.
import { signal } from "@preact/signals";
import { imageRecords } from "../../common/images";
import type { KnownImages } from "../answer/pictures";

export class Images {
  readonly known = signal<KnownImages>(new Map());
  readonly #asked = new Set<string>();

  constructor(readonly root: string) {}

  /** Asks about those that were never asked about. Without an answer, pictures are shown by their looks. */
  async lookUp(iris: readonly string[]): Promise<void> {
    const unasked = iris.filter((iri) => !this.#asked.has(iri));
    for (const iri of unasked) {
      this.#asked.add(iri);
    }
    const found = await imageRecords(this.root, unasked).catch(() => new Map());
    if (found.size > 0) {
      this.known.value = new Map([...this.known.value, ...found]);
    }
  }
}
