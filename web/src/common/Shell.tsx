// What all pages share around their content.

import "./theme.css";
import type { ComponentChildren } from "preact";
import { Footer } from "./Footer";
import { Header } from "./Header";
import { common } from "./i18n";
import type { Page } from "./pages";
import type { Settings } from "./settings";

interface Props {
  settings: Settings;
  page: Page;
  children: ComponentChildren;
}

export function Shell({ settings, page, children }: Props) {
  return (
    <>
      <a class="skip-link" href="#content">
        {common.t("skip")}
      </a>
      <Header settings={settings} page={page} />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <Footer settings={settings} />
    </>
  );
}
