// A small picture that is fetched when it comes into view; one that cannot be had leaves its place empty.
import { useState } from "preact/hooks";
import type { ImageRecord } from "../../common/images";
import { smallPictureUrls } from "../answer/pictures";

interface Props {
  iri: string;
  known: ImageRecord | undefined;
  width: number;
  alt: string;
}

export function Thumbnail({ iri, known, width, alt }: Props) {
  const [failed, setFailed] = useState<readonly string[]>([]);
  const url = smallPictureUrls(iri, width, known).find((candidate) => !failed.includes(candidate));
  return (
    <span class="thumbnail">
      {url && (
        <img
          src={url}
          alt={alt}
          loading="lazy"
          decoding="async"
          onError={() => setFailed([...failed, url])}
        />
      )}
    </span>
  );
}
