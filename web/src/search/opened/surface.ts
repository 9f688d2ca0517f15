// What a rectangle is drawn on: a picture on the screen, however it is zoomed.

import type { Size } from "./rectangle";

export interface Point {
  x: number;
  y: number;
}

export interface Surface {
  /** Of the full image, in pixels. */
  size: Size;
  /** From pixels of the image to CSS pixels of the stage. */
  toStage(point: Point): Point;
  toImage(point: Point): Point;
  /** Calls `moved` whenever the picture lies elsewhere on the stage; gives the way to stop that. */
  onMove(moved: () => void): () => void;
  /** False where the picture is as it is. */
  canZoom: boolean;
  zoomBy(factor: number): void;
  /** By shares of the stage. */
  panBy(x: number, y: number): void;
  showWhole(): void;
  /** While a rectangle is drawn, the pointer does not move the picture. */
  setMovable(isMovable: boolean): void;
  close(): void;
}
