// Pictures that visitors bring: files become data: URLs that fit into a request, URLs are recognised.

import { isIri } from "../common/term";

/** Share of the body limit for a picture: base64 in a form grows by its escapes, and the query has more. */
const SHARE = 0.7;
/** Formats that the service reads as they are. */
const READ_AS_IS = new Set([
  "image/jpeg",
  "image/png",
  "image/gif",
  "image/webp",
  "image/tiff",
  "image/bmp",
]);
/** Models look at a few hundred pixels. */
const SMALLER_SIDE = 1024;
const JPEG_QUALITY = 0.9;

/** `file` as a data: URL that the service takes; fails where the browser cannot read it as a picture. */
export async function asDataUrl(file: Blob, bodyLimitBytes: number): Promise<string> {
  const fits = base64Bytes(file.size) < SHARE * bodyLimitBytes;
  return dataUrl(fits && READ_AS_IS.has(file.type) ? file : await downscaled(file));
}

/** The picture among `data` that was dropped or pasted. */
export function pictureIn(data: DataTransfer | null): File | null {
  return Array.from(data?.files ?? []).find((file) => file.type.startsWith("image/")) ?? null;
}

/** The URL in `data` that a browser drags along with a picture of another page. */
export function urlIn(data: DataTransfer | null): string | null {
  const url = data?.getData("text/uri-list").split(/\r?\n/)[0] ?? "";
  return isPictureAddress(url) ? url : null;
}

/** Whether `text` is the URL of anything that could be fetched. */
export function isPictureAddress(text: string): boolean {
  return /^https?:\/\/[^/]/i.test(text) && isIri(text);
}

/** Whether `text` is a URL that looks like that of a picture. */
export function looksLikePicture(text: string): boolean {
  if (!isPictureAddress(text)) {
    return false;
  }
  const { pathname } = new URL(text);
  return /\.(jpe?g|png|gif|webp|tiff?|bmp)$/i.test(pathname);
}

function base64Bytes(size: number): number {
  return Math.ceil(size / 3) * 4;
}

async function downscaled(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file);
  const factor = Math.min(1, SMALLER_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * factor));
  canvas.height = Math.max(1, Math.round(bitmap.height * factor));
  const context = canvas.getContext("2d");
  if (!context) {
    throw new Error("no canvas");
  }
  // JPEG has no transparency: what shines through shall be white, not black.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done, fail) => {
    canvas.toBlob(
      (blob) => (blob ? done(blob) : fail(new Error("no JPEG"))),
      "image/jpeg",
      JPEG_QUALITY,
    );
  });
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });
}
