import { describe, expect, it } from "vitest";
import { between, keyed, middle } from "./rectangle";

const SIZE = { width: 4000, height: 2000 };

describe("a rectangle", () => {
  it("starts in the middle", () => {
    expect(middle(SIZE)).toEqual({ x: 1000, y: 500, width: 2000, height: 1000 });
  });

  it("lies between two corners in any order, inside the picture", () => {
    const expected = { x: 100, y: 50, width: 300, height: 150 };
    expect(between({ x: 100, y: 50 }, { x: 400, y: 200 }, SIZE)).toEqual(expected);
    expect(between({ x: 400, y: 50 }, { x: 100, y: 200 }, SIZE)).toEqual(expected);
    expect(between({ x: 3999, y: 1999 }, { x: 9000, y: 9000 }, SIZE)).toMatchObject({
      x: 3984,
      y: 1984,
      width: 16,
      height: 16,
    });
  });

  it("is moved by arrows and stops at the edge", () => {
    let rectangle = middle(SIZE);
    rectangle = keyed(rectangle, { key: "ArrowRight", shiftKey: false }, SIZE) ?? rectangle;
    expect(rectangle).toEqual({ x: 1100, y: 500, width: 2000, height: 1000 });
    for (let n = 0; n < 50; n++) {
      rectangle = keyed(rectangle, { key: "ArrowRight", shiftKey: false }, SIZE) ?? rectangle;
    }
    expect(rectangle).toEqual({ x: 2000, y: 500, width: 2000, height: 1000 });
  });

  it("is resized with Shift, inside the picture and never to nothing", () => {
    let rectangle = middle(SIZE);
    rectangle = keyed(rectangle, { key: "ArrowDown", shiftKey: true }, SIZE) ?? rectangle;
    expect(rectangle).toEqual({ x: 1000, y: 500, width: 2000, height: 1050 });
    for (let n = 0; n < 99; n++) {
      rectangle = keyed(rectangle, { key: "ArrowUp", shiftKey: true }, SIZE) ?? rectangle;
    }
    expect(rectangle).toMatchObject({ y: 500, height: 16 });
  });

  it("leaves other keys alone", () => {
    expect(keyed(middle(SIZE), { key: "Enter", shiftKey: false }, SIZE)).toBeNull();
  });
});
