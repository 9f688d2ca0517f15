// What is known about the image that is opened: from the hits, or asked for where a link leads here.

import { useEffect, useState } from "preact/hooks";
import { type ImageRecord, imageRecords } from "../../common/images";
import type { Session } from "../session";

/** `undefined` until it is known whether anything is known. */
export function useRecord(session: Session, image: string): ImageRecord | null | undefined {
  const [asked, setAsked] = useState<{ image: string; record: ImageRecord | null } | null>(null);
  const ofHit = session.hits.hits.value.find((hit) => hit.image === image)?.record;
  const ofBasket = session.basket.pictures.value.find((one) => one.image === image)?.record;
  const known = ofHit ?? ofBasket;
  useEffect(() => {
    if (known) {
      return;
    }
    const stop = new AbortController();
    const tell = (record: ImageRecord | null) => stop.signal.aborted || setAsked({ image, record });
    imageRecords(session.settings.root, [image], stop.signal).then(
      (records) => tell(records.get(image) ?? null),
      () => tell(null),
    );
    return () => stop.abort();
  }, [image, known, session]);
  return known ?? (asked?.image === image ? asked.record : undefined);
}
