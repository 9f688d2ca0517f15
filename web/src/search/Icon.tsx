// The few drawings on buttons, in the colour of their text.

const PATHS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15.5 9.5h.01",
  close: "M6 6l12 12M18 6 6 18",
  add: "M12 5v14M5 12h14",
  remove: "M5 12h14",
  check: "M5 12.5 10 17.5 19 7",
  previous: "M15 5 8 12l7 7",
  next: "M9 5l7 7-7 7",
  whole: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  region: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9z",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
