// Whether what a viewer draws is a picture: each of the picture's colours must be on the screen.

/** How far apart two values of a channel may be and still be the same colour: scaling and JPEG change them. */
const TOLERANCE = 24;

/** The colours of an image, given as base64, at the size of `side` x `side` pixels. Runs in a browser. */
async function pixels({ base64, type, side }) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const size = { resizeWidth: side, resizeHeight: side, resizeQuality: "high" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), size);
  const context = new OffscreenCanvas(side, side).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, side, side);
  return Array.from({ length: side * side }, (_, n) => [...data.slice(4 * n, 4 * n + 3)]);
}

/** The colours of `bytes`, an image of `type`, found with the help of a blank page. */
function coloursOf(page, bytes, type, side) {
  return page.evaluate(pixels, { base64: bytes.toString("base64"), type, side });
}

/** Those of a picture. It is made small, so that its grain is gone. */
export const coloursOfPicture = (page, bytes, type) => coloursOf(page, bytes, type, 16);

/** Those of a screenshot, in which the picture is a part. */
export const coloursOfScreen = (page, png) => coloursOf(page, png, "image/png", 64);

/** How much of the picture, by area, has colours that are also on the screen. */
export function shareDrawn(picture, screen) {
  const isSame = (a, b) => a.every((value, channel) => Math.abs(value - b[channel]) <= TOLERANCE);
  const drawn = picture.filter((colour) => screen.some((other) => isSame(colour, other)));
  return drawn.length / picture.length;
}

/** Whether one colour could pass for the picture. */
export function isPlain(picture) {
  return picture.some((colour) => shareDrawn(picture, [colour]) > 0.7);
}
