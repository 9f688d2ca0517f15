// What the service knows about images: POST /images.

import { common } from "./i18n";
import { json, postForm, ServiceError } from "./service";

/** A value of a metadata field. */
export interface FieldValue {
  value: string;
  language?: string;
  isIri?: boolean;
}

export interface ImageRecord {
  /** The IIIF URL. */
  image: string;
  /** 40 hex digits. */
  id: string;
  /** A picture to show. */
  link: string;
  /** Pixels; absent where the size is not known. */
  width?: number;
  height?: number;
  measured?: "info" | "delivered";
  /** Absent where no image service answered. */
  service?: { version: number; profile: string };
  /** Absent while nobody has asked for them. */
  fields?: Record<string, FieldValue[]>;
}

/** Sizes are known at once; the metadata are looked up, which takes most of the time of an answer. */
export type Fields = "all" | "none";

/** As many as the service tells about at once. */
const AT_ONCE = 200;

/** A service of an earlier version has no /images: it is asked once. */
let isAbsent = false;

/**
 * What is known about `images`, by IIIF URL; unknown images are left out.
 *
 * Fails with a ServiceError, or with the browser's AbortError when `signal` says stop.
 */
export async function imageRecords(
  root: string,
  images: string[],
  signal?: AbortSignal,
  fields: Fields = "all",
): Promise<Map<string, ImageRecord>> {
  const records = new Map<string, ImageRecord>();
  if (isAbsent) {
    throw new ServiceError(common.t("error.failed", { status: 404 }), 404);
  }
  for (let start = 0; start < images.length; start += AT_ONCE) {
    const some = images.slice(start, start + AT_ONCE);
    for (const record of await asked(root, some, fields, signal)) {
      records.set(record.image, record);
    }
  }
  return records;
}

async function asked(
  root: string,
  images: string[],
  fields: Fields,
  signal?: AbortSignal,
): Promise<ImageRecord[]> {
  const form = new URLSearchParams(images.map((image) => ["image", image]));
  form.append("fields", fields);
  try {
    const answer = await postForm(`${root}images`, form, "application/json", signal);
    const body = (await json(answer, signal)) as { images?: ImageRecord[] };
    return body.images ?? [];
  } catch (error) {
    isAbsent = error instanceof ServiceError && (error.status === 404 || error.status === 405);
    throw error;
  }
}
