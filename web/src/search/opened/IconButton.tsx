// A button that is a drawing, with its name for readers and pointers.

import type { ComponentProps } from "preact";
import { Icon } from "../Icon";

interface Props {
  icon: ComponentProps<typeof Icon>["name"];
  label: string;
  onClick: () => void;
  /** Stays reachable, so that the focus is not lost at the last picture. */
  isOff?: boolean;
}

export function IconButton({ icon, label, onClick, isOff = false }: Props) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      aria-disabled={isOff}
      onClick={() => !isOff && onClick()}
    >
      <Icon name={icon} />
    </button>
  );
}
