// A plan as a tree: stages with their times, and for each request what was counted on the way.
import type { Explanation, PlanKind, RequestExplanation, Times } from "./explanation";

export type StageName = keyof Times;
export type CountName = Exclude<
  keyof RequestExplanation,
  "subject" | "plan" | "reason" | "exact" | "scoreFloor"
>;

export interface Stage {
  name: StageName;
  milliseconds: number;
  /** Of the whole time, from 0 to 1. */
  share: number;
}

export interface Step {
  /** The stage that it belongs to. */
  stage: StageName;
  counts: { name: CountName; n: number }[];
}

export interface RequestPlan {
  subject: string;
  plan: PlanKind;
  reason: string;
  scoreFloor: number | null;
  isExact: boolean;
  /** In the order in which they are taken. */
  steps: Step[];
}

export interface Plan {
  rows: number;
  evaluations: number;
  milliseconds: number;
  stages: Stage[];
  requests: RequestPlan[];
}

const STAGES: readonly StageName[] = ["parse", "bind", "probe", "embed", "search", "join"];

/** What each stage counts. */
const COUNTS: readonly [StageName, readonly CountName[]][] = [
  ["bind", ["inputs"]],
  ["probe", ["rowsProbed", "candidates"]],
  ["embed", ["textsEncoded", "textsRemembered", "imagesEncoded"]],
  ["search", ["imagesScored", "hits"]],
  ["join", ["hitsJoined", "blocks"]],
];

export function planOf({ requests, rows, evaluations, milliseconds }: Explanation): Plan {
  const whole = STAGES.reduce((sum, name) => sum + milliseconds[name], 0);
  return {
    rows,
    evaluations,
    milliseconds: whole,
    stages: STAGES.map((name) => ({
      name,
      milliseconds: milliseconds[name],
      share: whole > 0 ? milliseconds[name] / whole : 0,
    })),
    requests: requests.map(requestPlan),
  };
}

function requestPlan(request: RequestExplanation): RequestPlan {
  const { subject, plan, reason, scoreFloor, exact } = request;
  const steps = COUNTS.map(([stage, names]) => ({ stage, counts: countsOf(request, names) }));
  return {
    subject,
    plan,
    reason,
    scoreFloor,
    isExact: exact,
    steps: steps.filter(({ counts }) => counts.length > 0),
  };
}

/** Stages in which nothing happened are left out, but for the search itself. */
function countsOf(request: RequestExplanation, names: readonly CountName[]): Step["counts"] {
  const isKept = (name: CountName) => request[name] || name === "imagesScored" || name === "hits";
  return names.filter(isKept).map((name) => ({ name, n: request[name] ?? 0 }));
}
