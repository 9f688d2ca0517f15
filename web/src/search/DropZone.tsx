// Takes pictures that are dropped or pasted anywhere on the page.

import { useEffect, useState } from "preact/hooks";
import { bringFile } from "./bringPicture";
import { pictureIn, urlIn } from "./brought";
import { t } from "./messages";
import type { Session } from "./session";

export function DropZone({ session }: { session: Session }) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const options = { signal: stop.signal };
    const take = (event: Event, data: DataTransfer | null) => {
      const file = pictureIn(data);
      const url = file ? null : urlIn(data);
      if (file) {
        void bringFile(session, file);
      } else if (url) {
        session.askPicture({ url });
      }
      if (file || url) {
        event.preventDefault();
      }
    };
    addEventListener("dragover", (event) => over(event, setOver), options);
    addEventListener("dragleave", (event) => event.relatedTarget ?? setOver(false), options);
    addEventListener(
      "drop",
      (event) => {
        setOver(false);
        // A file that is no picture shall not replace the page either.
        if (carriesFiles(event)) {
          event.preventDefault();
        }
        take(event, event.dataTransfer);
      },
      options,
    );
    addEventListener("paste", (event) => take(event, event.clipboardData), options);
    return () => stop.abort();
  }, [session]);
  return isOver ? <div class="drop-zone">{t("drop.here")}</div> : null;
}

function over(event: DragEvent, setOver: (isOver: boolean) => void): void {
  const types = event.dataTransfer?.types ?? [];
  if (types.includes("Files") || types.includes("text/uri-list")) {
    event.preventDefault();
    setOver(true);
  }
}

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
