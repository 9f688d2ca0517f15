// The keys of the editor, as they are called on the visitor's keyboard.
import { t } from "../texts";

/** The sentence below the editor; a plain text field has fewer keys. */
export function keysHint(isEditor: boolean): string {
  const control = isApple() ? "⌘" : t("key.control");
  const run = `${control}+${t("key.enter")}`;
  const complete = `${t("key.control")}+${t("key.space")}`;
  const leave = t("editor.then", { first: t("key.escape"), second: t("key.tab") });
  return isEditor ? t("editor.keys", { run, complete, leave }) : t("editor.keysPlain", { run });
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.platform);
}
