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
  return (
    <ul ref={list} class="grid" aria-label={label} aria-busy={isBusy}>
      {width > 0 &&
        boxes.map((box, at) => {
          const hit = hits[at];
          return hit && <GridHit key={hit.image} session={session} hit={hit} box={box} />;
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
