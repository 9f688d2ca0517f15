import { expect, it } from "vitest";
import type { Explanation } from "./explanation";
import { planOf } from "./plan";

const EXPLANATION: Explanation = {
  requests: [
    {
      subject: "?request",
      plan: "candidatesFirst",
      reason: "the patterns around it leave 41 images",
      inputs: 1,
      rowsProbed: 41,
      candidates: 41,
      scoreFloor: 0.3,
      imagesScored: 41,
      hits: 0,
      hitsJoined: 0,
      blocks: 0,
      textsEncoded: 0,
      textsRemembered: 1,
      imagesEncoded: 0,
      exact: true,
    },
  ],
  rows: 12,
  evaluations: 3,
  milliseconds: { parse: 1, bind: 0, probe: 2, embed: 0, search: 5, join: 2 },
};

it("gives each stage its share of the time", () => {
  const { milliseconds, stages } = planOf(EXPLANATION);
  expect(milliseconds).toBe(10);
  expect(stages.map(({ name, share }) => [name, share])).toEqual([
    ["parse", 0.1],
    ["bind", 0],
    ["probe", 0.2],
    ["embed", 0],
    ["search", 0.5],
    ["join", 0.2],
  ]);
});

it("counts what happened, and says so where nothing was found", () => {
  const [request] = planOf(EXPLANATION).requests;
  expect(request).toMatchObject({ subject: "?request", scoreFloor: 0.3, isExact: true });
  expect(request?.steps).toEqual([
    { stage: "bind", counts: [{ name: "inputs", n: 1 }] },
    {
      stage: "probe",
      counts: [
        { name: "rowsProbed", n: 41 },
        { name: "candidates", n: 41 },
      ],
    },
    { stage: "embed", counts: [{ name: "textsRemembered", n: 1 }] },
    {
      stage: "search",
      counts: [
        { name: "imagesScored", n: 41 },
        { name: "hits", n: 0 },
      ],
    },
  ]);
});

it("has no shares where no time went by", () => {
  const milliseconds = { parse: 0, bind: 0, probe: 0, embed: 0, search: 0, join: 0 };
  const plan = planOf({ requests: [], rows: 0, evaluations: 1, milliseconds });
  expect(plan.stages.every(({ share }) => share === 0)).toBe(true);
});
