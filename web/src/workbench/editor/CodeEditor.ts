// CodeMirror for queries, in a shadow root: its styles become adopted style sheets, which need no exception from
// the Content-Security-Policy.
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { sparql } from "codemirror-lang-sparql";
import type { Span } from "../query/prefixes";
import type { Mistake, Workbench } from "../state/Workbench";
import { t } from "../texts";
import { completionSource } from "./completionSource";
import { keysHint } from "./keys";
import { replacing } from "./replacing";
import { NO_STORE_TERMS, type StoreTerms } from "./storeTerms";
import { editorTheme } from "./theme";

/** So many at once need no scroll bar, which the keyboard could not reach; arrows go on to the others. */
const PROPOSED = 10;

export class CodeEditor {
  readonly #view: EditorView;
  readonly #words = new Compartment();
  #storeTerms: StoreTerms = NO_STORE_TERMS;

  constructor(host: HTMLElement, bench: Workbench) {
    const root = host.attachShadow({ mode: "open" });
    const { vocabulary, prefixes } = bench.settings;
    const source = completionSource(() => ({ vocabulary, prefixes, store: this.#storeTerms }));
    this.#view = new EditorView({
      root,
      parent: root,
      doc: bench.query.value,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        sparql(),
        editorTheme,
        replacing,
        EditorView.lineWrapping,
        autocompletion({ override: [source], icons: false, maxRenderedOptions: PROPOSED }),
        keys(() => {
          bench.run();
          return true;
        }),
        this.#words.of(words()),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) {
            bench.query.value = update.state.doc.toString();
          }
        }),
      ],
    });
  }

  /** A text that comes from elsewhere replaces the whole one, in one step that can be undone. */
  setText(text: string): void {
    const { doc } = this.#view.state;
    if (text !== doc.toString()) {
      this.#view.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
    }
  }

  /** Marks the place of a mistake and shows it; null takes the mark away. */
  setMistake(mistake: Mistake | null): void {
    const { state } = this.#view;
    const end = state.doc.length;
    const marks = mistake
      ? [
          {
            from: Math.min(mistake.place.from, end),
            to: Math.min(mistake.place.to, end),
            severity: "error" as const,
            message: mistake.sentence,
          },
        ]
      : [];
    this.#view.dispatch(setDiagnostics(state, marks));
    if (marks[0]) {
      this.#view.dispatch({ effects: EditorView.scrollIntoView(marks[0].from, { y: "nearest" }) });
    }
  }

  /** Selects a part of the text, and puts the focus there. */
  select(span: Span | null): void {
    if (span) {
      const end = this.#view.state.doc.length;
      const [anchor, head] = [Math.min(span.from, end), Math.min(span.to, end)];
      this.#view.dispatch({ selection: { anchor, head }, scrollIntoView: true });
      this.#view.focus();
    }
  }

  /** The words of the editor itself are those of the language that the page speaks. */
  setLanguage(_language: string): void {
    this.#view.dispatch({ effects: this.#words.reconfigure(words()) });
  }

  setStoreTerms(terms: StoreTerms): void {
    this.#storeTerms = terms;
  }

  /** Who was writing in the text field goes on writing here. */
  takeOver(field: HTMLTextAreaElement): void {
    const { selectionStart: anchor, selectionEnd: head } = field;
    if (document.activeElement === field) {
      this.#view.dispatch({ selection: { anchor, head } });
      this.#view.focus();
    }
  }

  destroy(): void {
    this.#view.destroy();
  }
}

/** Tab indents, or takes a completion; after Escape it leaves the editor, as CodeMirror has it. */
function keys(run: () => boolean): Extension {
  return [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
    Prec.high(keymap.of([{ key: "Tab", run: acceptCompletion }])),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...defaultKeymap,
      ...historyKeymap,
      indentWithTab,
    ]),
  ];
}

function words(): Extension {
  return [
    EditorView.contentAttributes.of({
      "aria-label": `${t("editor.label")}. ${keysHint(true)}`,
      autocapitalize: "off",
      // Editable text takes the focus anyway; checkers of accessibility want it said.
      tabindex: "0",
    }),
    EditorState.phrases.of({ Completions: t("editor.completions") }),
  ];
}
