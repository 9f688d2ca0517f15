// A rectangle on the picture, by pointer and by keys, that is then searched for.

import { useEffect, useRef, useState } from "preact/hooks";
import { number } from "../../common/i18n";
import { t } from "../messages";
import { between, keyed, middle, type Rectangle } from "./rectangle";
import type { Point, Surface } from "./surface";

interface Props {
  surface: Surface;
  onSearch: (rectangle: Rectangle) => void;
  onCancel: () => void;
}

export function RegionTool({ surface, onSearch, onCancel }: Props) {
  const [rectangle, setRectangle] = useState(() => middle(surface.size));
  const [, setMoved] = useState(0);
  const frame = useRef<HTMLDivElement>(null);
  const start = useRef<Point | null>(null);
  useEffect(() => {
    frame.current?.focus();
    surface.setMovable(false);
    const stop = surface.onMove(() => setMoved((n) => n + 1));
    return () => {
      stop();
      surface.setMovable(true);
    };
  }, [surface]);

  const at = (event: PointerEvent & { currentTarget: HTMLElement }): Point => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return surface.toImage({ x: event.clientX - left, y: event.clientY - top });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyed(rectangle, event, surface.size);
    if (next) {
      setRectangle(next);
    } else if (event.key === "Enter") {
      onSearch(rectangle);
    } else {
      return;
    }
    event.preventDefault();
  };

  return (
    <>
      <div
        class="region-layer"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = at(event);
        }}
        onPointerMove={(event) => {
          if (start.current) {
            setRectangle(between(start.current, at(event), surface.size));
          }
        }}
        onPointerUp={() => {
          start.current = null;
          frame.current?.focus();
        }}
      >
        <div
          ref={frame}
          class="region-frame"
          role="application"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved and resized by keys
          tabIndex={0}
          aria-label={t("region.label")}
          aria-describedby="region-help region-place"
          style={frameStyle(rectangle, surface)}
          onKeyDown={onKeyDown}
        />
      </div>
      <div class="region-bar">
        <p id="region-help">{t("region.help")}</p>
        <p id="region-place" class="visually-hidden" role="status">
          {place(rectangle, surface)}
        </p>
        <button type="button" class="primary" onClick={() => onSearch(rectangle)}>
          {t("region.search")}
        </button>
        <button type="button" onClick={onCancel}>
          {t("region.cancel")}
        </button>
      </div>
    </>
  );
}

function frameStyle({ x, y, width, height }: Rectangle, surface: Surface) {
  const from = surface.toStage({ x, y });
  const to = surface.toStage({ x: x + width, y: y + height });
  return {
    left: `${from.x}px`,
    top: `${from.y}px`,
    width: `${to.x - from.x}px`,
    height: `${to.y - from.y}px`,
  };
}

function place({ x, y, width, height }: Rectangle, { size }: Surface): string {
  const percent = (part: number, whole: number) => number(Math.round((100 * part) / whole));
  return t("region.place", {
    x: percent(x, size.width),
    y: percent(y, size.height),
    width: percent(width, size.width),
    height: percent(height, size.height),
  });
}
