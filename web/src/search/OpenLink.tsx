// A link that opens a picture here, or in another tab where the visitor asks for one.

import type { ComponentChildren } from "preact";
import type { Session } from "./session";

interface Props {
  session: Session;
  image: string;
  children: ComponentChildren;
}

export function OpenLink({ session, image, children }: Props) {
  const { navigation } = session;
  return (
    <a
      href={navigation.addressOf(image)}
      data-image={image}
      onClick={(event) => {
        if (!(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
          event.preventDefault();
          navigation.open(image);
        }
      }}
    >
      {children}
    </a>
  );
}

/** Gives the focus to the link of `image` if the page shows one. */
export function focusLink(image: string, options?: FocusOptions): void {
  const links = document.querySelectorAll<HTMLElement>("a[data-image]");
  Array.from(links)
    .find((link) => link.dataset.image === image)
    ?.focus(options);
}
