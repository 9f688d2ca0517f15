import { describe, expect, it } from "vitest";
import { type Box, boxRatio, type GridOptions, justified } from "./layout";

const OPTIONS: GridOptions = { width: 1000, rowHeight: 200, gap: 16, isComplete: true };
const RATIOS = [1.5, 0.7, 1, 2.2, 1.3, 0.5, 1, 1, 3, 0.4, 1.4, 1.6, 0.8];

/** Puts boxes into rows as the browser wraps them. */
function rows(boxes: Box[], { width, gap }: GridOptions): Box[][] {
  const all: Box[][] = [];
  let free = -1;
  for (const box of boxes) {
    free -= gap + box.width;
    if (free < 0) {
      all.push([]);
      free = width - box.width;
    }
    free -= box.rest;
    all.at(-1)?.push(box);
  }
  return all;
}

function total(row: Box[], { gap }: GridOptions): number {
  return row.reduce((sum, box) => sum + box.width + box.rest, 0) + gap * (row.length - 1);
}

describe("justified", () => {
  it.each([320, 375, 768, 1000, 1440, 3840])("fills rows of a grid %i wide", (width) => {
    const options = { ...OPTIONS, width };
    const boxes = justified(RATIOS, options);
    expect(boxes).toHaveLength(RATIOS.length);
    for (const row of rows(boxes, options)) {
      expect(total(row, options)).toBe(width);
      expect(new Set(row.map(({ height }) => height)).size).toBe(1);
    }
  });

  it("keeps shapes within a pixel or two", () => {
    justified(RATIOS, OPTIONS).forEach(({ width, height }, at) => {
      expect(Math.abs(width - (RATIOS[at] ?? 0) * height)).toBeLessThan(RATIOS.length + 1);
    });
  });

  it("leaves a short last row at its height", () => {
    const [box] = justified([1], OPTIONS);
    expect(box).toEqual({ width: 200, height: 200, rest: 800 });
  });

  it("never changes a row that was seen when more comes", () => {
    const before = justified(RATIOS, { ...OPTIONS, isComplete: false });
    const after = justified([...RATIOS, 1, 0.6, 1.9], OPTIONS);
    expect(before.length).toBeLessThan(RATIOS.length);
    expect(after.slice(0, before.length)).toEqual(before);
  });

  it("shows a first row even while more is to come", () => {
    expect(justified([1, 1], { ...OPTIONS, isComplete: false })).toHaveLength(2);
    expect(justified([], OPTIONS)).toEqual([]);
  });
});

describe("boxRatio", () => {
  it("is a square where the size is not known, and bounded", () => {
    expect(boxRatio()).toBe(1);
    expect(boxRatio(400, 0)).toBe(1);
    expect(boxRatio(400, 200)).toBe(2);
    expect(boxRatio(9000, 100)).toBe(3);
    expect(boxRatio(100, 9000)).toBe(0.4);
  });
});
