// Completion for CodeMirror: what may be written, and the PREFIX line that it needs.
import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  pickedCompletion,
} from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import { number } from "../../common/i18n";
import { type Knowledge, type Proposal, proposalsAt } from "./completion";

/** Unasked, words are proposed from so many letters on. */
const FEWEST_LETTERS = 2;
/** While these are written, the same proposals are filtered further. */
const WORD = /^[?$]?[\p{L}\p{N}_.:-]*$/u;

export function completionSource(knowledge: () => Knowledge) {
  return ({ state, pos, explicit }: CompletionContext): CompletionResult | null => {
    const query = state.doc.toString();
    const found = proposalsAt(query, pos, knowledge());
    const word = found ? query.slice(found.from, pos) : "";
    const isWanted = explicit || /^[?$]|:/.test(word) || word.length >= FEWEST_LETTERS;
    return found && isWanted
      ? { from: found.from, options: found.proposals.map(optionOf), validFor: WORD }
      : null;
  };
}

function optionOf(proposal: Proposal): Completion {
  const { label, kind, n, comment, boost } = proposal;
  return {
    label,
    type: kind,
    boost,
    ...(n === undefined ? {} : { detail: number(n) }),
    ...(comment ? { info: comment } : {}),
    apply: (view, completion, from, to) => apply(view, completion, from, to, proposal),
  };
}

/** Functions get their bracket, terms the PREFIX line that is missing: both in one step of undo. */
function apply(
  view: EditorView,
  completion: Completion,
  from: number,
  to: number,
  { label, kind, prefix }: Proposal,
): void {
  const text = kind === "function" ? `${label}(` : label;
  const line = prefix ? [{ from: prefix.at, insert: prefix.text }] : [];
  const changes = view.state.changes([...line, { from, to, insert: text }]);
  view.dispatch({
    changes,
    selection: { anchor: changes.mapPos(to, 1) },
    annotations: pickedCompletion.of(completion),
    userEvent: "input.complete",
    scrollIntoView: true,
  });
}
