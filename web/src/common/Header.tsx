// The top of every page: who offers it, the other pages, the language.

import { common } from "./i18n";
import { LanguageSwitch } from "./LanguageSwitch";
import { PAGES, type Page, pageUrl } from "./pages";
import type { Settings } from "./settings";

export function Header({ settings, page }: { settings: Settings; page: Page }) {
  return (
    <header class="site-header">
      <a class="site-name" href={pageUrl(settings.root, "search")}>
        {settings.logo && <img src={settings.logo} alt="" />}
        <span>{settings.name}</span>
      </a>
      <nav aria-label={common.t("nav")}>
        {PAGES.map((other) => (
          <a
            key={other}
            href={pageUrl(settings.root, other)}
            aria-current={other === page ? "page" : undefined}
          >
            {common.t(`nav.${other}`)}
          </a>
        ))}
      </nav>
      <LanguageSwitch />
    </header>
  );
}
