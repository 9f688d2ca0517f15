// One picture, opened over the page: large, with all that is known about it.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { language } from "../../common/i18n";
import { description } from "../hit";
import { t } from "../messages";
import { focusLink } from "../OpenLink";
import type { Session } from "../session";
import { About } from "./About";
import { CloseButton } from "./CloseButton";
import { Foreign } from "./Foreign";
import { neighbours } from "./neighbours";
import { Stage } from "./Stage";
import { useRecord } from "./useRecord";

export function Opened({ session, image }: { session: Session; image: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isDrawing, setDrawing] = useState(false);
  const { record, isForeign } = useRecord(session, image);
  const title = description(record ?? null, language.value) || t("picture");
  const images = session.hits.hits.value.map((hit) => hit.image);
  const beside = neighbours(images, image);
  const { navigation } = session;
  const last = useRef(image);
  last.current = image;

  useLayoutEffect(() => {
    const element = dialog.current;
    const asked = session.question.value;
    element?.showModal();
    return () => {
      element?.close();
      // Another question is answered at the top of the page.
      focusLink(last.current, { preventScroll: session.question.value !== asked });
    };
  }, []);
  useEffect(() => setDrawing(false), [image]);
  useEffect(() => {
    if (beside.next === null && images.length > 0) {
      void session.hits.more();
    }
  }, [beside.next, images.length, session]);

  const go = (to: string | null) => to && navigation.open(to);
  const onKeyDown = (event: KeyboardEvent) => {
    if (isDrawing || event.defaultPrevented || isTyping(event) || hasModifier(event)) {
      return;
    }
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      go(event.key === "ArrowLeft" ? beside.previous : beside.next);
    }
  };

  return (
    <dialog
      ref={dialog}
      class="opened"
      aria-label={title}
      onKeyDown={onKeyDown}
      // Browsers close it themselves where Escape is pressed again and again.
      onClose={() => navigation.close()}
      onCancel={(event) => {
        event.preventDefault();
        if (isDrawing) {
          setDrawing(false);
        } else {
          navigation.close();
        }
      }}
    >
      {isForeign ? (
        <Foreign image={image} onLeave={() => navigation.close()} />
      ) : (
        <>
          <Stage
            session={session}
            image={image}
            record={record}
            title={title}
            beside={beside}
            isDrawing={isDrawing}
            onDraw={setDrawing}
            onGo={go}
          />
          <About session={session} image={image} record={record ?? null} />
        </>
      )}
      <CloseButton onClose={() => navigation.close()} />
    </dialog>
  );
}

function isTyping({ target }: Event): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

function hasModifier({ shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
  return shiftKey || ctrlKey || altKey || metaKey;
}
