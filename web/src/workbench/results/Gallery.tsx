// The pictures of an answer, in the order of its rows.
import { useEffect, useState } from "preact/hooks";
import type { TableAnswer } from "../answer/answer";
import { captionOf } from "../answer/caption";
import type { Workbench } from "../state/Workbench";
import { GalleryPicture } from "./GalleryPicture";
import { Sentinel } from "./Sentinel";

const AT_ONCE = 60;

interface Props {
  bench: Workbench;
  answer: TableAnswer;
}

export function Gallery({ bench, answer }: Props) {
  const [nShown, setShown] = useState(AT_ONCE);
  const column = bench.pictures.value[0] ?? "";
  const others = answer.variables.filter((name) => name !== column);
  const pictured = answer.rows.filter((row) => row[column]?.type === "uri");
  const shown = pictured.slice(0, nShown);
  useEffect(() => {
    bench.images.lookUp(shown.flatMap((row) => iriOf(row[column]) ?? []));
  }, [nShown, answer]);
  return (
    <>
      <ul class="gallery">
        {shown.map((row, idx) => {
          const iri = iriOf(row[column]) ?? "";
          const known = bench.images.known.value.get(iri);
          return (
            // The same picture may stand in several rows.
            <li key={idx}>
              <GalleryPicture iri={iri} known={known} caption={captionOf(row, others)} />
            </li>
          );
        })}
      </ul>
      {nShown < pictured.length && <Sentinel onSeen={() => setShown(nShown + AT_ONCE)} />}
    </>
  );
}

function iriOf(term: TableAnswer["rows"][number][string]): string | null {
  return term?.type === "uri" ? term.value : null;
}
