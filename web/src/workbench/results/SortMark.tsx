// Shows in which direction a column is sorted. It has its place also where it is not, so that nothing moves.

export function SortMark({ direction }: { direction: "ascending" | "descending" | null }) {
  return (
    <span class={direction ? "sort-mark" : "sort-mark is-off"} aria-hidden="true">
      {direction === "descending" ? "▼" : "▲"}
    </span>
  );
}
