// A block of rows; far from the view only its height is kept, so that long tables stay quick.
import type { RefObject } from "preact";
import { memo } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Row } from "../../common/sparql";
import type { Column } from "../answer/columns";
import { irisOf } from "../answer/pictures";
import type { Prefixes } from "../query/prefixes";
import type { Images } from "../state/Images";
import { TableRow } from "./TableRow";

interface Props {
  rows: readonly Row[];
  start: number;
  end: number;
  columns: readonly Column[];
  pictures: readonly string[];
  prefixes: Prefixes;
  images: Images;
  scroller: RefObject<HTMLElement | null>;
}

/** So far from the view rows are kept, for quick scrolling. */
const KEPT = "3000px";

export const TableBlock = memo(function TableBlock({ scroller, ...props }: Props) {
  const body = useRef<HTMLTableSectionElement>(null);
  /** Height of the rows while they are not drawn. */
  const [height, setHeight] = useState<number | null>(null);
  useEffect(() => watch(body.current, scroller.current, setHeight), []);
  const { rows, start, end, columns, pictures, images } = props;
  useEffect(() => {
    const block = rows.slice(start, end);
    images.lookUp(pictures.flatMap((name) => irisOf(block, name, block.length)));
  }, [rows, start, end, pictures, images]);
  return (
    <tbody ref={body}>
      {height === null ? (
        rows
          .slice(start, end)
          .map((row, idx) => (
            <TableRow key={start + idx} {...props} row={row} number={start + idx + 1} />
          ))
      ) : (
        <tr class="away" style={{ blockSize: `${height}px` }}>
          <td colSpan={columns.length + 1} />
        </tr>
      )}
    </tbody>
  );
});

function watch(
  body: HTMLElement | null,
  root: HTMLElement | null,
  setHeight: (height: number | null) => void,
): () => void {
  const observer = new IntersectionObserver(
    (entries) => {
      const last = entries.at(-1);
      if (last) {
        setHeight(last.isIntersecting ? null : last.boundingClientRect.height);
      }
    },
    { root, rootMargin: KEPT },
  );
  if (body) {
    observer.observe(body);
  }
  return () => observer.disconnect();
}
