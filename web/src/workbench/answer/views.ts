// The ways in which an answer can be looked at.
import type { Answer } from "./answer";

export const VIEWS = ["table", "gallery", "chart", "text", "plan"] as const;
export type View = (typeof VIEWS)[number];

/** What the parts of an answer allow. */
export interface Abilities {
  hasPictures: boolean;
  hasChart: boolean;
  hasPlan: boolean;
}

export function isView(name: string): name is View {
  return (VIEWS as readonly string[]).includes(name);
}

/** The views of an answer, in the order of VIEWS; the plan may stand alone. */
export function viewsOf(answer: Answer | null, abilities: Abilities): View[] {
  const isTable = answer?.kind === "table";
  const isOffered: Record<View, boolean> = {
    table: isTable || answer?.kind === "boolean",
    gallery: isTable && abilities.hasPictures,
    chart: isTable && abilities.hasChart,
    text: answer !== null,
    plan: abilities.hasPlan,
  };
  return VIEWS.filter((view) => isOffered[view]);
}

/** The view that was asked for, where there is one, or the first. */
export function chosenView(wanted: View | null, offered: readonly View[]): View | null {
  return wanted && offered.includes(wanted) ? wanted : (offered[0] ?? null);
}
