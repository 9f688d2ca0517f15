// A IIIF service as a zoomed picture, by OpenSeadragon.

import OpenSeadragon from "openseadragon";
import { infoUrl } from "../../common/iiif";
import type { Surface } from "./surface";

/** The style element that OpenSeadragon adds for itself, which the page's security policy forbids. */
const OWN_STYLE = "data-openseadragon-mobile-css";

/** Shows `image` in `stage`; fails where its service does not answer. */
export async function deepZoom(stage: HTMLElement, image: string): Promise<Surface> {
  keepStyleOut();
  const viewer = OpenSeadragon({
    element: stage,
    tileSources: infoUrl(image),
    // Its buttons are pictures from elsewhere and have no names; the page has its own.
    showNavigationControl: false,
    keyboardNavEnabled: false,
    // Draws also the tiles of servers without CORS, which WebGL must not.
    drawer: "canvas",
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.6,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    maxZoomPixelRatio: 2,
    visibilityRatio: 0.5,
  });
  // The stage around it takes the keys.
  viewer.canvas.tabIndex = -1;
  try {
    await opened(viewer);
  } catch (error) {
    viewer.destroy();
    throw error;
  }
  return surface(viewer);
}

/**
 * OpenSeadragon adds its style only where there is none of that name. This one is no style of HTML: even an
 * empty one would be reported.
 */
function keepStyleOut(): void {
  if (!document.querySelector(`style[${OWN_STYLE}]`)) {
    const element = document.createElementNS(null, "style");
    element.setAttribute(OWN_STYLE, "true");
    document.head.append(element);
  }
}

/** A service that describes its picture and gives no part of it shows nothing: the first part decides. */
function opened(viewer: OpenSeadragon.Viewer): Promise<void> {
  return new Promise((done, fail) => {
    viewer.addOnceHandler("tile-loaded", () => done());
    viewer.addOnceHandler("open-failed", (event) => fail(new Error(event.message)));
    viewer.addOnceHandler("tile-load-failed", (event) => fail(new Error(event.message)));
  });
}

function surface(viewer: OpenSeadragon.Viewer): Surface {
  const { viewport } = viewer;
  let isOpen = true;
  const { x: width, y: height } = viewer.world.getItemAt(0).getContentSize();
  return {
    size: { width, height },
    toStage: ({ x, y }) => viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y)),
    toImage: ({ x, y }) => viewport.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y)),
    onMove: (moved) => {
      viewer.addHandler("update-viewport", moved);
      return () => viewer.removeHandler("update-viewport", moved);
    },
    canZoom: true,
    zoomBy: (factor) => {
      viewport.zoomBy(factor).applyConstraints();
    },
    panBy: (x, y) => {
      const { width, height } = viewport.getBounds();
      viewport.panBy(new OpenSeadragon.Point(x * width, y * height)).applyConstraints();
    },
    showWhole: () => {
      viewport.goHome();
    },
    // A rectangle that goes with its picture still says that it is done.
    setMovable: (isMovable) => isOpen && viewer.setMouseNavEnabled(isMovable),
    close: () => {
      isOpen = false;
      viewer.destroy();
    },
  };
}
