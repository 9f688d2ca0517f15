// The pictures that a visitor gathers. They are kept in memory alone: nothing is stored, and an address
// that held them would be too long to share; what they have in common can be shared as a search.

import { signal } from "@preact/signals";
import type { ImageRecord } from "../../common/images";

export interface Gathered {
  /** IIIF URL. */
  image: string;
  record: ImageRecord | null;
}

export class Basket {
  readonly pictures = signal<Gathered[]>([]);

  has(image: string): boolean {
    return this.pictures.value.some((picture) => picture.image === image);
  }

  /** Puts a picture in, or takes it out. */
  toggle(picture: Gathered): void {
    const others = this.pictures.value.filter(({ image }) => image !== picture.image);
    const isNew = others.length === this.pictures.value.length;
    this.pictures.value = isNew ? [...others, picture] : others;
  }

  empty(): void {
    this.pictures.value = [];
  }
}
