// Colours of the editor: the page's own properties, which reach into its shadow root, in light and dark.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const frame = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--ground)", fontSize: "var(--code-size)" },
  "&.cm-focused": { outline: "3px solid var(--highlight)", outlineOffset: "2px" },
  ".cm-scroller": {
    fontFamily: "var(--mono)",
    lineHeight: "1.55",
    minBlockSize: "var(--code-min)",
    maxBlockSize: "var(--code-max)",
    overflow: "auto",
  },
  ".cm-content": { paddingBlock: "0.75rem", caretColor: "var(--text)" },
  ".cm-line": { paddingInline: "0.25rem 0.75rem" },
  ".cm-gutters": {
    color: "var(--quiet)",
    backgroundColor: "var(--ground)",
    border: "none",
    paddingInlineStart: "0.25rem",
  },
  ".cm-cursor": { borderInlineStart: "2px solid var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--code-selection)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--code-selection)",
    outline: "1px solid var(--control-line)",
  },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    backgroundColor: "var(--danger-ground)",
    textDecoration: "underline wavy var(--danger)",
    textDecorationSkipInk: "none",
    textUnderlineOffset: "0.25em",
  },
  ".cm-lintPoint::after": { borderBlockEndColor: "var(--danger)" },
  ".cm-tooltip": {
    color: "var(--text)",
    backgroundColor: "var(--raised)",
    border: "1px solid var(--control-line)",
    borderRadius: "var(--radius)",
    boxShadow: "0 4px 16px var(--code-shadow)",
  },
  ".cm-diagnostic-error": {
    borderInlineStart: "4px solid var(--danger)",
    fontFamily: "var(--sans)",
    maxInlineSize: "40rem",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: "var(--mono)",
    maxBlockSize: "none",
    maxInlineSize: "min(90vw, 40rem)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.2rem 0.6rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    color: "var(--on-highlight)",
    backgroundColor: "var(--highlight)",
  },
  ".cm-completionDetail": { fontStyle: "normal", marginInlineStart: "1rem" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-tooltip.cm-completionInfo": {
    fontFamily: "var(--sans)",
    maxInlineSize: "22rem",
    padding: "0.5rem 0.75rem",
    overflowWrap: "anywhere",
  },
});

const words = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
  { tag: tags.variableName, color: "var(--code-variable)" },
  { tag: [tags.string, tags.integer, tags.float, tags.bool], color: "var(--code-text)" },
  { tag: [tags.namespace, tags.url, tags.typeName], color: "var(--code-iri)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
]);

export const editorTheme: Extension = [frame, syntaxHighlighting(words)];
