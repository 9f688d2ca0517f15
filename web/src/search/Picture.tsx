// A thumbnail that tries what there is: the size that fits, the known picture, a place with the title.

import { useEffect, useState } from "preact/hooks";
import { pictureUrl, thumbnailUrl, wholeUrl } from "../common/iiif";
import type { ImageRecord } from "../common/images";

interface Props {
  image: string;
  record: ImageRecord | null;
  /** CSS pixels. */
  width: number;
  alt: string;
  isLazy?: boolean;
}

export function Picture({ image, record, width, alt, isLazy = true }: Props) {
  const sources = pictureSources(image, record, width * devicePixelRatio);
  const [nFailed, setFailed] = useState(0);
  useEffect(() => setFailed(0), [image]);
  const source = sources[nFailed];
  if (source === undefined) {
    return (
      <span class="no-picture" role="img" aria-label={alt} dir="auto">
        {alt}
      </span>
    );
  }
  return (
    <img
      src={source}
      alt={alt}
      loading={isLazy ? "lazy" : "eager"}
      decoding="async"
      onError={() => setFailed(nFailed + 1)}
    />
  );
}

/** URLs to try, the best first. Services of level 0 have few sizes, the known picture is one of them. */
export function pictureSources(
  image: string,
  record: ImageRecord | null,
  pixels: number,
): string[] {
  const link = record?.link ?? pictureUrl(image);
  const isScaled = record === null || (record.service && !isLevel0(record.service.profile));
  const fitting = thumbnailUrl(image, pixels, record?.width);
  return isScaled ? [...new Set([fitting, link, wholeUrl(image)])] : [link];
}

/** A word in version 3, a URL before. */
function isLevel0(profile: string): boolean {
  return /level0(\.json)?$/.test(profile);
}
