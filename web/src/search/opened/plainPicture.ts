// A picture as it is, where there is no image service.

import type { Size } from "./rectangle";
import type { Surface } from "./surface";

/**
 * Shows the picture at `url` in `stage`; fails where it does not load.
 *
 * `full`: size of the image that it is a picture of, if known.
 */
export async function plainPicture(
  stage: HTMLElement,
  url: string,
  alt: string,
  full: Size | null,
): Promise<Surface> {
  const picture = document.createElement("img");
  picture.alt = alt;
  picture.className = "plain-picture";
  picture.src = url;
  stage.append(picture);
  try {
    await picture.decode();
  } catch (error) {
    picture.remove();
    throw error;
  }
  return surface(stage, picture, full ?? naturalSize(picture));
}

function surface(stage: HTMLElement, picture: HTMLImageElement, size: Size): Surface {
  const shown = () => shownPart(stage, naturalSize(picture));
  return {
    size,
    toStage: ({ x, y }) => {
      const { left, top, width, height } = shown();
      return { x: left + (x / size.width) * width, y: top + (y / size.height) * height };
    },
    toImage: ({ x, y }) => {
      const { left, top, width, height } = shown();
      return { x: ((x - left) / width) * size.width, y: ((y - top) / height) * size.height };
    },
    onMove: (moved) => {
      const observer = new ResizeObserver(moved);
      observer.observe(stage);
      return () => observer.disconnect();
    },
    canZoom: false,
    zoomBy: () => {},
    panBy: () => {},
    showWhole: () => {},
    setMovable: () => {},
    close: () => picture.remove(),
  };
}

function naturalSize({ naturalWidth, naturalHeight }: HTMLImageElement): Size {
  return { width: naturalWidth, height: naturalHeight };
}

/** Where `object-fit: scale-down` puts the picture. */
function shownPart({ clientWidth, clientHeight }: HTMLElement, { width, height }: Size) {
  const factor = Math.min(1, clientWidth / width, clientHeight / height);
  return {
    left: (clientWidth - width * factor) / 2,
    top: (clientHeight - height * factor) / 2,
    width: width * factor,
    height: height * factor,
  };
}
