// The pictures of an answer, in the order of its rows.
import { useEffect, useState } from "preact/hooks";
import type { TableAnswer } from "../answer/answer";
import { captionOf } from "../answer/caption";
import { irisOf, isPictureIri } from "../answer/pictures";
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
  const shown = answer.rows.slice(0, nShown);
  useEffect(() => {
    bench.images.lookUp(irisOf(shown, column, nShown));
  }, [nShown, answer, column]);
  return (
    <>
      <ul class="gallery">
        {shown.map((row, idx) => {
          const term = row[column];
          const known = term?.type === "uri" ? bench.images.known.value.get(term.value) : undefined;
          return (
            term?.type === "uri" &&
            (known || isPictureIri(term.value)) && (
              // The same picture may stand in several rows.
              <li key={idx}>
                <GalleryPicture iri={term.value} known={known} caption={captionOf(row, others)} />
              </li>
            )
          );
        })}
      </ul>
      {nShown < answer.rows.length && <Sentinel onSeen={() => setShown(nShown + AT_ONCE)} />}
    </>
  );
}
