// URLs of the IIIF Image API.

/** Few widths, so that image servers and browsers can keep what they made. */
const WIDTHS = [200, 400, 800];

/**
 * A picture of `image` at least `pixels` wide if the ladder of widths has such a one.
 *
 * Never wider than the image itself: servers of version 3 refuse to enlarge.
 */
export function thumbnailUrl(image: string, pixels: number, fullWidth?: number): string {
  const step = WIDTHS.find((width) => width >= pixels) ?? Math.max(...WIDTHS);
  return `${image}/full/${Math.min(step, fullWidth ?? step)},/0/default.jpg`;
}

/** The picture that most services give, for images of which nothing else is known. */
export function pictureUrl(image: string): string {
  return `${image}/full/1000,/0/default.jpg`;
}

/** The whole picture, for services that neither enlarge nor scale. */
export function wholeUrl(image: string): string {
  return `${image}/full/max/0/default.jpg`;
}

export function infoUrl(image: string): string {
  return `${image}/info.json`;
}
