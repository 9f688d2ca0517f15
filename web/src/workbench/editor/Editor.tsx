// The query: a plain text field at first, which becomes an editor as soon as that has been loaded.
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { language } from "../../common/i18n";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import type { CodeEditor } from "./CodeEditor";
import { keysHint } from "./keys";
import { loadStoreTerms } from "./loadStoreTerms";

export function Editor({ bench }: { bench: Workbench }) {
  const plain = useRef<HTMLTextAreaElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    const leaving = new AbortController();
    mount(bench, host, plain, leaving.signal).then(setReady);
    return () => leaving.abort();
  }, [bench]);
  return (
    <div class="editor">
      <label for="query">{t("editor.label")}</label>
      <textarea
        id="query"
        ref={plain}
        hidden={isReady}
        rows={14}
        spellcheck={false}
        autocapitalize="off"
        value={bench.query.value}
        aria-describedby="editor-keys"
        onInput={(event) => {
          bench.query.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => runOnEnter(bench, event)}
      />
      <div ref={host} class="code" hidden={!isReady} />
      <p id="editor-keys" class="hint">
        {keysHint(isReady)}
      </p>
    </div>
  );
}

function runOnEnter(bench: Workbench, event: KeyboardEvent): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    bench.run();
  }
}

/** Loads the editor once the page is drawn; without it the text field stays. */
async function mount(
  bench: Workbench,
  host: { current: HTMLDivElement | null },
  plain: { current: HTMLTextAreaElement | null },
  signal: AbortSignal,
): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve));
  const loaded = await import("./CodeEditor").catch(() => null);
  if (!loaded || signal.aborted || !host.current || !plain.current) {
    return false;
  }
  host.current.hidden = false;
  const editor = new loaded.CodeEditor(host.current, bench);
  signal.addEventListener("abort", () => editor.destroy());
  follow(bench, editor, signal);
  editor.takeOver(plain.current);
  return true;
}

/** What happens elsewhere on the page shows in the editor. */
function follow(bench: Workbench, editor: CodeEditor, signal: AbortSignal): void {
  const ends = [
    effect(() => editor.setText(bench.query.value)),
    effect(() => editor.setMistake(bench.mistake.value)),
    effect(() => editor.select(bench.selection.value)),
    effect(() => editor.setLanguage(language.value)),
  ];
  signal.addEventListener("abort", () => {
    for (const end of ends) {
      end();
    }
  });
  loadStoreTerms(bench.settings, signal).then((terms) => editor.setStoreTerms(terms));
}
