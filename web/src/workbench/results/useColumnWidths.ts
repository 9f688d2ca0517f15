// Widths of the columns as the browser laid out the first rows.
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/**
 * Keeps the widths of long tables, so that rows that come later move nothing and need no layout of all rows.
 * They are measured again when `change` changes.
 */
export function useColumnWidths(
  table: RefObject<HTMLTableElement | null>,
  isLong: boolean,
  change: unknown,
): number[] | null {
  const [widths, setWidths] = useState<number[] | null>(null);
  const [measured, setMeasured] = useState<unknown>(undefined);
  const isStale = isLong && measured !== change;
  useLayoutEffect(() => {
    if (isStale && table.current) {
      const cells = table.current.querySelectorAll("thead th");
      setWidths(Array.from(cells, (cell) => Math.ceil(cell.getBoundingClientRect().width)));
      setMeasured(change);
    }
  });
  return isStale ? null : widths;
}
