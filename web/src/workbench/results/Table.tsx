// The rows of an answer; long tables are drawn block by block as they are scrolled to.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TableAnswer } from "../answer/answer";
import { nextOrder, type Order } from "../answer/sort";
import { limitOf } from "../query/limit";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { ColumnGroup } from "./ColumnGroup";
import { Sentinel } from "./Sentinel";
import { SortLine } from "./SortLine";
import { TableBlock } from "./TableBlock";
import { TableHead } from "./TableHead";
import { useColumnWidths } from "./useColumnWidths";
import { useSorted } from "./useSorted";

const BLOCK = 100;
/** Tables of so many blocks are drawn at once; of longer ones a block fills the view, and nobody waits for more. */
const SHORT_BLOCKS = 5;
/** Few at a time, so that scrolling never waits. */
const MORE_BLOCKS = 2;

interface Props {
  bench: Workbench;
  answer: TableAnswer;
}

export function Table({ bench, answer }: Props) {
  const { variables, columns } = answer;
  const [wanted, want] = useState<Order | null>(null);
  const { rows, order } = useSorted(answer.rows, wanted);
  const [scrolled, setScrolled] = useState({ rows, nBlocks: 0 });
  const scroller = useRef<HTMLDivElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const found = bench.pictures.value;
  // The same list as long as it names the same columns, so that blocks are not drawn again for each image.
  const pictures = useMemo(() => found, [found.join("\n")]);
  const nAtFirst = rows.length > SHORT_BLOCKS * BLOCK ? 1 : SHORT_BLOCKS;
  // Another order begins at its beginning.
  const nBlocks = Math.max(nAtFirst, scrolled.rows === rows ? scrolled.nBlocks : 0);
  const nDrawn = Math.min(nBlocks * BLOCK, rows.length);
  const widths = useColumnWidths(table, nDrawn < rows.length, pictures.length);
  useLayoutEffect(() => scroller.current?.scrollTo(0, 0), [rows]);
  if (rows.length === 0) {
    return <p class="nothing">{t("rows.none")}</p>;
  }
  const limit = limitOf(bench.askedQuery.value);
  return (
    <>
      <SortLine
        order={order}
        nRows={rows.length}
        isLimited={limit !== null && rows.length >= limit}
      />
      <section
        class="table-scroller"
        ref={scroller}
        aria-label={t("view.table")}
        aria-busy={wanted !== order}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
        tabIndex={0}
      >
        <table
          ref={table}
          class={widths ? "fixed" : ""}
          aria-rowcount={rows.length + 1}
          style={{
            "--digits": `${rows.length}`.length,
            inlineSize: widths ? `${widths.reduce((a, b) => a + b, 0)}px` : "",
          }}
        >
          {widths && <ColumnGroup names={["", ...variables]} widths={widths} />}
          <TableHead
            columns={columns}
            prefixes={bench.prefixes.value}
            order={order}
            onSort={(name) => want(nextOrder(wanted, name))}
          />
          {Array.from({ length: Math.ceil(nDrawn / BLOCK) }, (_, block) => (
            <TableBlock
              key={block}
              rows={rows}
              start={block * BLOCK}
              end={Math.min((block + 1) * BLOCK, rows.length)}
              columns={columns}
              pictures={pictures}
              prefixes={bench.prefixes.value}
              images={bench.images}
              scroller={scroller}
            />
          ))}
        </table>
        {nDrawn < rows.length && (
          <Sentinel
            root={scroller}
            onSeen={() => setScrolled({ rows, nBlocks: nBlocks + MORE_BLOCKS })}
          />
        )}
      </section>
    </>
  );
}
