// How the service says that it answered a query: the JSON of explain=true.

export type PlanKind = "searchFirst" | "candidatesFirst" | "correlated";

export interface RequestExplanation {
  subject: string;
  plan: PlanKind;
  reason: string;
  inputs: number;
  rowsProbed: number;
  candidates: number | null;
  scoreFloor: number | null;
  imagesScored: number;
  hits: number;
  hitsJoined: number;
  blocks: number;
  textsEncoded: number;
  textsRemembered: number;
  imagesEncoded: number;
  exact: boolean;
}

/** Milliseconds of each stage, in the order in which they come. */
export interface Times {
  parse: number;
  bind: number;
  probe: number;
  embed: number;
  search: number;
  join: number;
}

export interface Explanation {
  requests: RequestExplanation[];
  rows: number;
  evaluations: number;
  milliseconds: Times;
}
