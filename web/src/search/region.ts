// A rectangle of an image as a IIIF URL.

import { serviceUrl } from "../common/iiif";
import type { Region } from "./question";

/** Models look at a few hundred pixels; more would only be fetched for nothing. */
const SIDE = 512;

/**
 * The picture of `region` alone, which the service fetches to search for it.
 *
 * Its longer side is given, which servers of level 1 understand too (`!w,h` is level 2), and never more
 * than the region has: servers of version 3 refuse to enlarge.
 */
export function regionUrl({ image, x, y, width, height }: Region): string {
  const size = width >= height ? `${Math.min(SIDE, width)},` : `,${Math.min(SIDE, height)}`;
  return `${serviceUrl(image)}/${x},${y},${width},${height}/${size}/0/default.jpg`;
}
