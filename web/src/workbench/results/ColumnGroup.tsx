// Columns of given widths.

export function ColumnGroup({ names, widths }: { names: string[]; widths: number[] }) {
  return (
    <colgroup>
      {names.map((name, idx) => (
        <col key={name} style={{ inlineSize: `${widths[idx]}px` }} />
      ))}
    </colgroup>
  );
}
