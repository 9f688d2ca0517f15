// Rectangles of a picture: between two points, and moved and resized by keys.

import type { Region } from "../question";

export interface Size {
  width: number;
  height: number;
}

export type Rectangle = Omit<Region, "image">;

/** The middle half of a picture, where a rectangle starts that is drawn by keys. */
export function middle({ width, height }: Size): Rectangle {
  return rounded(
    { x: width / 4, y: height / 4, width: width / 2, height: height / 2 },
    { width, height },
  );
}

/** The rectangle between two corners, in any order. */
export function between(
  a: { x: number; y: number },
  b: { x: number; y: number },
  size: Size,
): Rectangle {
  return rounded(
    {
      x: Math.min(a.x, b.x),
      y: Math.min(a.y, b.y),
      width: Math.abs(a.x - b.x),
      height: Math.abs(a.y - b.y),
    },
    size,
  );
}

/** What an arrow key makes of `rectangle`: it moves, or with Shift its far corner does; null for other keys. */
export function keyed(
  rectangle: Rectangle,
  { key, shiftKey }: { key: string; shiftKey: boolean },
  size: Size,
): Rectangle | null {
  const direction = DIRECTIONS[key];
  if (!direction) {
    return null;
  }
  const dx = direction[0] * step(size.width);
  const dy = direction[1] * step(size.height);
  const { x, y, width, height } = rectangle;
  return shiftKey
    ? rounded({ x, y, width: width + dx, height: height + dy }, size)
    : {
        ...rectangle,
        x: between0(Math.round(x + dx), size.width - width),
        y: between0(Math.round(y + dy), size.height - height),
      };
}

const DIRECTIONS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Forty key presses cross a picture. */
function step(length: number): number {
  return Math.max(1, length / 40);
}

/** In whole pixels, inside the picture, not smaller than can be seen. */
function rounded(rectangle: Rectangle, size: Size): Rectangle {
  const smallest = Math.max(1, Math.min(16, size.width, size.height));
  const x = between0(Math.round(rectangle.x), size.width - smallest);
  const y = between0(Math.round(rectangle.y), size.height - smallest);
  return {
    x,
    y,
    width: Math.min(Math.max(Math.round(rectangle.width), smallest), size.width - x),
    height: Math.min(Math.max(Math.round(rectangle.height), smallest), size.height - y),
  };
}

function between0(value: number, highest: number): number {
  return Math.max(0, Math.min(value, highest));
}
