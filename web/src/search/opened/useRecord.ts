// What is known about the image that is opened: from the hits, or asked for where a link leads here.

import { useEffect, useState } from "preact/hooks";
import { type ImageRecord, imageRecords } from "../../common/images";
import type { Session } from "../session";

export interface Known {
  /** Undefined until it is known whether anything is known, null where nothing is. */
  record: ImageRecord | null | undefined;
  /** Whether the service has said that the image is none of its collection. */
  isForeign: boolean;
}

const NOTHING: Known = { record: null, isForeign: false };

export function useRecord(session: Session, image: string): Known {
  const [asked, setAsked] = useState<{ image: string; known: Known } | null>(null);
  const ofHits = [...session.hits.hits.value, ...session.basket.pictures.value];
  const here = ofHits.filter((one) => one.image === image);
  const record = here.find((one) => one.record)?.record;
  const isHere = here.length > 0;
  useEffect(() => {
    if (record) {
      return;
    }
    const stop = new AbortController();
    const tell = (known: Known) => stop.signal.aborted || setAsked({ image, known });
    imageRecords(session.settings.root, [image], stop.signal).then(
      (records) => tell({ record: records.get(image) ?? null, isForeign: !records.has(image) }),
      () => tell(NOTHING),
    );
    return () => stop.abort();
  }, [image, record, session]);
  if (record) {
    return { record, isForeign: false };
  }
  const known = asked?.image === image ? asked.known : { ...NOTHING, record: undefined };
  return { ...known, isForeign: known.isForeign && !isHere };
}
