// The justified grid: rows of pictures of one height that fill the width, without anything loaded.

export interface Box {
  width: number;
  height: number;
  /** Free width after the last picture of a row that is not filled; 0 elsewhere. */
  rest: number;
}

export interface GridOptions {
  /** Of the grid, in CSS pixels. */
  width: number;
  /** Height that rows come close to. */
  rowHeight: number;
  gap: number;
  /** Whether no more pictures follow, so that a last row may stay unfilled. */
  isComplete: boolean;
}

/** A panorama or a scroll shall not make a row of its own that is a line or a tower. */
const NARROWEST = 0.4;
const WIDEST = 3;
/** How much higher than wanted a row may be that is filled. */
const STRETCH = 1.35;

/** The shape of a box: width / height, bounded; a square where the size is not known. */
export function boxRatio(width?: number, height?: number): number {
  if (!width || !height) {
    return 1;
  }
  return Math.min(WIDEST, Math.max(NARROWEST, width / height));
}

/**
 * A box for each of `ratios` (width / height), in order, in rows.
 *
 * While more is to come, boxes of an unfilled last row are left out, so that a row that is seen never
 * changes; the first row is always given.
 */
export function justified(ratios: number[], options: GridOptions): Box[] {
  const boxes: Box[] = [];
  let row: number[] = [];
  for (const ratio of ratios) {
    row.push(ratio);
    if (filledHeight(row, options) <= options.rowHeight) {
      boxes.push(...filledRow(row, options));
      row = [];
    }
  }
  const isLastShown = options.isComplete || boxes.length === 0;
  return isLastShown ? [...boxes, ...lastRow(row, options)] : boxes;
}

/** Height of a row that has exactly the grid's width. */
function filledHeight(row: number[], { width, gap }: GridOptions): number {
  const ratio = row.reduce((sum, one) => sum + one, 0);
  return (width - gap * (row.length - 1)) / ratio;
}

/** Widths are whole pixels; what rounding leaves goes to the last picture. */
function filledRow(row: number[], options: GridOptions): Box[] {
  const height = filledHeight(row, options);
  const boxes = row.map((ratio) => ({
    width: Math.floor(ratio * height),
    height: Math.floor(height),
    rest: 0,
  }));
  const last = boxes.at(-1);
  if (last) {
    last.width += options.width - rowWidth(boxes, options.gap);
  }
  return boxes;
}

function lastRow(row: number[], options: GridOptions): Box[] {
  const natural = filledHeight(row, options);
  if (row.length > 0 && natural <= options.rowHeight * STRETCH) {
    return filledRow(row, options);
  }
  const boxes = row.map((ratio) => ({
    width: Math.floor(ratio * options.rowHeight),
    height: Math.floor(options.rowHeight),
    rest: 0,
  }));
  const last = boxes.at(-1);
  if (last) {
    last.rest = options.width - rowWidth(boxes, options.gap);
  }
  return boxes;
}

function rowWidth(boxes: Box[], gap: number): number {
  return boxes.reduce((sum, box) => sum + box.width, 0) + gap * (boxes.length - 1);
}
