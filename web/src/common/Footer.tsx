// The end of every page: size of the collection and the operator's links.

import { common } from "./i18n";
import type { Settings } from "./settings";

export function Footer({ settings }: { settings: Settings }) {
  return (
    <footer class="site-footer">
      <span>{common.plural("footer.images", settings.nImages)}</span>
      {settings.footer.map(({ label, url }) => (
        <a key={url} href={url}>
          {label}
        </a>
      ))}
    </footer>
  );
}
