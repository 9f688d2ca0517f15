// Links to IIIF viewers and to the manifest that they open.

import { absoluteUrl, type Settings, type Viewer } from "../../common/settings";

/** The manifest of exactly the images with `ids`, in this order. */
export function manifestUrl(settings: Settings, ids: string[]): string {
  const parameters = new URLSearchParams(ids.map((id) => ["id", id]));
  return absoluteUrl(settings, `iiif/manifest?${parameters}`);
}

export function viewerUrl({ url }: Viewer, manifest: string): string {
  return url.replaceAll("{manifest}", encodeURIComponent(manifest));
}
