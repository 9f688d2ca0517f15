// Pictures as a justified grid that fills its width.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { GridHit } from "./GridHit";
import type { Hit } from "./hit";
import { justified } from "./layout";
import type { Session } from "./session";

interface Props {
  session: Session;
  hits: Hit[];
  isComplete: boolean;
  label: string;
  isBusy?: boolean;
}

/** In CSS pixels, as in the style sheet. */
const GAP = 16;

export function Grid({ session, hits, isComplete, label, isBusy = false }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) {
      return;
    }
    const measure = () => setWidth(Math.floor(element.getBoundingClientRect().width));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const boxes = justified(
    hits.map(({ ratio }) => ratio),
    { width, rowHeight: rowHeight(width), gap: GAP, isComplete },
  );
  const captions = session.settings.hasMetadata ? " with-captions" : "";
  // Those that fill the window are asked for at once; to see which ones are in view takes browsers a while.
  const room = width * Math.ceil(innerHeight / rowHeight(width));
  let filled = 0;
  return (
    <ul ref={list} class={`grid${captions}`} aria-label={label} aria-busy={isBusy}>
      {width > 0 &&
        boxes.map((box, at) => {
          const hit = hits[at];
          filled += box.width;
          const isLazy = filled > room;
          return (
            hit && <GridHit key={hit.image} session={session} hit={hit} box={box} isLazy={isLazy} />
          );
        })}
    </ul>
  );
}

/** Two squares a row on a phone, larger pictures where there is room. */
function rowHeight(width: number): number {
  const wanted = width < PHONE ? (width - GAP) / 2 : 150 + width / 10;
  return Math.ceil(Math.min(HIGHEST, wanted));
}

const PHONE = 560;
const HIGHEST = 360;
