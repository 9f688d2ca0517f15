// The large picture with its buttons.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { ImageRecord } from "../../common/images";
import { t } from "../messages";
import type { Session } from "../session";
import type { Neighbours } from "./neighbours";
import { RegionTool } from "./RegionTool";
import type { Rectangle } from "./rectangle";
import { StageButtons } from "./StageButtons";
import type { Surface } from "./surface";
import { usePicture } from "./usePicture";

interface Props {
  session: Session;
  image: string;
  /** Undefined until it is known whether anything is known. */
  record: ImageRecord | null | undefined;
  title: string;
  beside: Neighbours;
  isDrawing: boolean;
  onDraw: (isDrawing: boolean) => void;
  onGo: (image: string | null) => void;
}

export function Stage({ session, image, record, title, beside, isDrawing, onDraw, onGo }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const shown = usePicture(place, image, record, title);
  const surface = shown.state === "shown" ? shown.surface : null;
  const wasDrawing = useRef(false);
  useLayoutEffect(() => {
    // The rectangle had the focus and is gone; the next key already belongs to the picture.
    if (wasDrawing.current && !isDrawing) {
      place.current?.focus();
    }
    wasDrawing.current = isDrawing;
  }, [isDrawing]);
  const search = (rectangle: Rectangle) => session.askAnew({ region: { image, ...rectangle } });
  return (
    <div class="stage">
      <div
        ref={place}
        class="stage-picture"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved and zoomed by keys
        tabIndex={0}
        aria-label={`${title}. ${t("picture.stage")}`}
        onKeyDown={(event) => !isDrawing && surface && moveByKey(event, surface)}
      />
      {shown.state === "loading" && <p class="stage-line">{t("picture.loading")}</p>}
      {shown.state === "failed" && (
        <p class="stage-line" role="alert">
          {t("picture.failed")}
        </p>
      )}
      {surface && !surface.canZoom && record?.service && (
        <p class="stage-line is-note">{t("picture.noZoom")}</p>
      )}
      {surface && isDrawing && (
        <RegionTool surface={surface} onSearch={search} onCancel={() => onDraw(false)} />
      )}
      {!isDrawing && (
        <StageButtons surface={surface} beside={beside} onGo={onGo} onDraw={() => onDraw(true)} />
      )}
    </div>
  );
}

const ZOOM = 1.5;
const PAN = 0.2;

function moveByKey(event: KeyboardEvent, surface: Surface): void {
  const moves: Record<string, () => void> = {
    "+": () => surface.zoomBy(ZOOM),
    "=": () => surface.zoomBy(ZOOM),
    "-": () => surface.zoomBy(1 / ZOOM),
    "0": () => surface.showWhole(),
    ...(event.shiftKey && {
      ArrowLeft: () => surface.panBy(-PAN, 0),
      ArrowRight: () => surface.panBy(PAN, 0),
      ArrowUp: () => surface.panBy(0, -PAN),
      ArrowDown: () => surface.panBy(0, PAN),
    }),
  };
  const move = moves[event.key];
  if (move && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    move();
  }
}
