// Takes a picture that a visitor brought into the search, or says why it cannot be taken.

import { asDataUrl } from "./brought";
import { t } from "./messages";
import type { Session } from "./session";

/** Searches with `file`. */
export async function bringFile(session: Session, file: File): Promise<void> {
  const name = file.name || t("picture");
  try {
    const dataUrl = await asDataUrl(file, session.settings.bodyLimitBytes);
    session.askPicture({ dataUrl, name });
  } catch {
    session.refusal.value = t("file.unreadable", { name });
  }
}
