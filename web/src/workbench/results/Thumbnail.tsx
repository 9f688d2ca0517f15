// A small picture that is fetched when it comes into view; one that cannot be had leaves its place empty.
import { useState } from "preact/hooks";
import type { ImageRecord } from "../../common/images";
import { smallPictureUrl } from "../answer/pictures";

interface Props {
  iri: string;
  known: ImageRecord | undefined;
  width: number;
  alt: string;
}

export function Thumbnail({ iri, known, width, alt }: Props) {
  const url = smallPictureUrl(iri, width, known);
  const [failed, setFailed] = useState("");
  return (
    <span class="thumbnail">
      {failed !== url && (
        <img src={url} alt={alt} loading="lazy" decoding="async" onError={() => setFailed(url)} />
      )}
    </span>
  );
}
