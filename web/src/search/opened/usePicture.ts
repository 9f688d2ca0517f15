// Puts an image on a stage: zoomed if its service answers, else as it is, else not at all.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { pictureUrl, wholeUrl } from "../../common/iiif";
import type { ImageRecord } from "../../common/images";
import type { Size } from "./rectangle";
import type { Surface } from "./surface";

export type Shown = { state: "loading" | "failed" } | { state: "shown"; surface: Surface };

/** Waits until `record` is known (null: that nothing is known), since it says whether there is a service. */
export function usePicture(
  stage: RefObject<HTMLElement | null>,
  image: string,
  record: ImageRecord | null | undefined,
  alt: string,
): Shown {
  const [shown, setShown] = useState<Shown>({ state: "loading" });
  useEffect(() => {
    const place = stage.current;
    setShown({ state: "loading" });
    if (!place || record === undefined) {
      return;
    }
    let isWanted = true;
    let surface: Surface | null = null;
    load(place, image, record, alt).then(
      (loaded) => {
        surface = loaded;
        if (isWanted) {
          setShown({ state: "shown", surface: loaded });
        } else {
          loaded.close();
        }
      },
      () => isWanted && setShown({ state: "failed" }),
    );
    return () => {
      isWanted = false;
      surface?.close();
    };
    // What else becomes known of an image does not change its picture.
  }, [image, record === undefined, record?.link, stage]);
  return shown;
}

async function load(
  place: HTMLElement,
  image: string,
  record: ImageRecord | null,
  alt: string,
): Promise<Surface> {
  // A layer of its own: an image that is left while it loads does not disturb the next one.
  const layer = document.createElement("div");
  layer.className = "picture-layer";
  place.append(layer);
  try {
    const surface = await zoomedOrPlain(layer, image, record, alt);
    return {
      ...surface,
      close: () => {
        surface.close();
        layer.remove();
      },
    };
  } catch (error) {
    layer.remove();
    throw error;
  }
}

async function zoomedOrPlain(
  layer: HTMLElement,
  image: string,
  record: ImageRecord | null,
  alt: string,
): Promise<Surface> {
  if (record === null || record.service) {
    try {
      const { deepZoom } = await import("./deepZoom");
      return await deepZoom(layer, image);
    } catch {
      // The plain picture may be there all the same.
    }
  }
  const { plainPicture } = await import("./plainPicture");
  const show = (url: string) => plainPicture(layer, url, alt, fullSize(record));
  // The known picture may be larger than the image, which some services refuse.
  return show(record?.link ?? pictureUrl(image)).catch(() => show(wholeUrl(image)));
}

function fullSize(record: ImageRecord | null): Size | null {
  return record?.width && record.height ? { width: record.width, height: record.height } : null;
}
