// The pictures before and after an opened one.

export interface Neighbours {
  previous: string | null;
  next: string | null;
}

/** Of `image` among `images`; none where it is not one of them. */
export function neighbours(images: string[], image: string): Neighbours {
  const at = images.indexOf(image);
  return {
    previous: at > 0 ? (images[at - 1] ?? null) : null,
    next: at >= 0 ? (images[at + 1] ?? null) : null,
  };
}
