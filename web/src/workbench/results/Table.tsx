// The rows of an answer; long tables are drawn block by block as they are scrolled to.
import { useMemo, useRef, useState } from "preact/hooks";
import type { TableAnswer } from "../answer/answer";
import { columnOf } from "../answer/columns";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { ColumnGroup } from "./ColumnGroup";
import { Sentinel } from "./Sentinel";
import { TableBlock } from "./TableBlock";
import { TableHead } from "./TableHead";
import { useColumnWidths } from "./useColumnWidths";

const BLOCK = 100;
const FIRST_BLOCKS = 5;
/** Few at a time, so that scrolling never waits. */
const MORE_BLOCKS = 2;

interface Props {
  bench: Workbench;
  answer: TableAnswer;
}

export function Table({ bench, answer }: Props) {
  const { rows, variables } = answer;
  const [nBlocks, setBlocks] = useState(FIRST_BLOCKS);
  const columns = useMemo(() => variables.map((name) => columnOf(rows, name)), [answer]);
  const scroller = useRef<HTMLDivElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const found = bench.pictures.value;
  // The same list as long as it names the same columns, so that blocks are not drawn again for each image.
  const pictures = useMemo(() => found, [found.join("\n")]);
  const nDrawn = Math.min(nBlocks * BLOCK, rows.length);
  const widths = useColumnWidths(table, nDrawn < rows.length, pictures.length);
  if (rows.length === 0) {
    return <p class="nothing">{t("rows.none")}</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <section class="table-scroller" ref={scroller} aria-label={t("view.table")} tabIndex={0}>
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
        <TableHead columns={columns} prefixes={bench.prefixes.value} />
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
        <Sentinel root={scroller} onSeen={() => setBlocks(nBlocks + MORE_BLOCKS)} />
      )}
    </section>
  );
}
