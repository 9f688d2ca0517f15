// URLs of the IIIF Image API.

/** Few widths, so that image servers and browsers can keep what they made. */
const WIDTHS = [200, 400, 800];

/** Region, size, and what follows it at the end of a request: rotation, quality, format. */
const REQUEST = /\/([^/]+)\/[^/]+(\/!?[\d.]+\/(?:default|native|color|gray|grey|bitonal)\.\w+)$/;

/** Whether `url` asks an image service for a picture. */
export function isRequest(url: string): boolean {
  return REQUEST.test(url);
}

/** The same request for a picture of another size. */
export function resized(request: string, size: string): string {
  return request.replace(REQUEST, `/$1/${size}$2`);
}

/** The service of `image`, which may be named by its info.json or by a request; no slash at its end. */
export function serviceUrl(image: string): string {
  return image
    .replace(/\/+$/, "")
    .replace(/\/info\.json$/, "")
    .replace(REQUEST, "");
}

/** `image` in this size, as requests write it: the part that its URL names; a file as it is. */
function sized(image: string, size: string): string {
  if (image.includes("?")) {
    return image;
  }
  const region = REQUEST.exec(image)?.[1] ?? "full";
  return `${serviceUrl(image)}/${region}/${size}/0/default.jpg`;
}

/**
 * A picture of `image` at least `pixels` wide if the ladder of widths has such a one.
 *
 * Never wider than the image itself: servers of version 3 refuse to enlarge.
 */
export function thumbnailUrl(image: string, pixels: number, fullWidth?: number): string {
  const step = WIDTHS.find((width) => width >= pixels) ?? Math.max(...WIDTHS);
  return sized(image, `${Math.min(step, fullWidth ?? step)},`);
}

/** The picture that most services give, for images of which nothing else is known. */
export function pictureUrl(image: string): string {
  return sized(image, "1000,");
}

/** The whole picture, for services that neither enlarge nor scale. */
export function wholeUrl(image: string): string {
  return sized(image, "max");
}

export function infoUrl(image: string): string {
  return `${serviceUrl(image)}/info.json`;
}
