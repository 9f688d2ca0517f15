// Chooses a picture of the visitor's own.

import { useRef } from "preact/hooks";
import { bringFile } from "./bringPicture";
import { Icon } from "./Icon";
import { t } from "./messages";
import type { Session } from "./session";

export function PictureButton({ session }: { session: Session }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="quiet" onClick={() => input.current?.click()}>
        <Icon name="picture" />
        <span>{t("search.choose")}</span>
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        onChange={(event) => {
          const { files } = event.currentTarget;
          const file = files?.[0];
          if (file) {
            void bringFile(session, file);
          }
          // So that the same file can be chosen again.
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
