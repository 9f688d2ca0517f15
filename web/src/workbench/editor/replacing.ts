// Typing over a selection, done by the editor and not by the browser.
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/**
 * Chromium keeps the looks of a text that is typed over in a style attribute, which the Content-Security-Policy
 * forbids and the browser then reports.
 */
export const replacing: Extension = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { data, inputType } = event;
    const { from, to, empty } = view.state.selection.main;
    if (inputType !== "insertText" || data === null || empty || view.composing) {
      return false;
    }
    const insert = () =>
      view.state.update(view.state.replaceSelection(data), {
        userEvent: "input.type",
        scrollIntoView: true,
      });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, data, insert))) {
      view.dispatch(insert());
    }
    return true;
  },
});
