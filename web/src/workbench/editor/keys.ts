// The keys of the editor, as they are called on the visitor's keyboard.
import { t } from "../texts";

/** The line below the editor; a plain text field has fewer keys. */
export function keysHint(isEditor: boolean): string {
  const control = isApple() ? "⌘" : t("key.control");
  const run = t("editor.run", { keys: `${control}+${t("key.enter")}` });
  const complete = t("editor.complete", { keys: `${t("key.control")}+${t("key.space")}` });
  const leaving = { first: t("key.escape"), second: t("key.tab") };
  const leave = t("editor.leave", { keys: t("editor.then", leaving) });
  return (isEditor ? [run, complete, leave] : [run]).join(" · ");
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.platform);
}
