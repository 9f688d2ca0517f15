// Whether what a viewer draws is a picture: the picture's colours are compared with those on the screen.

/** Colours of the picture that cover less are noise. */
const LEAST_SHARE = 0.01;

/** Shares of the pixels by colour, in steps of 32, of an image that is given as base64. Runs in a browser. */
async function histogram({ base64, type }) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const shares = {};
  for (let i = 0; i < data.length; i += 4) {
    const colour = [data[i], data[i + 1], data[i + 2]].map((value) => value >> 5).join(" ");
    shares[colour] = (shares[colour] ?? 0) + 4 / data.length;
  }
  return shares;
}

/** The colours of `bytes`, an image of `type`, found with the help of a blank page. */
export async function coloursOf(page, bytes, type) {
  const shares = await page.evaluate(histogram, { base64: bytes.toString("base64"), type });
  return new Map(Object.entries(shares).filter(([, share]) => share >= LEAST_SHARE));
}

/** How much of the picture, by area, has colours that are also on the screen. */
export function shareDrawn(picture, screen) {
  let [drawn, all] = [0, 0];
  for (const [colour, share] of picture) {
    all += share;
    drawn += screen.has(colour) ? share : 0;
  }
  return drawn / all;
}
