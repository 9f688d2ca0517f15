// The page: the editor, and below or beside it what the query gives.

import { Editor } from "./editor/Editor";
import { ErrorMessage } from "./results/ErrorMessage";
import { Results } from "./results/Results";
import { StatusLine } from "./results/StatusLine";
import type { Workbench } from "./state/Workbench";
import { t } from "./texts";
import { AboutEndpoint } from "./tools/AboutEndpoint";
import { Examples } from "./tools/Examples";
import { RunBar } from "./tools/RunBar";

export function WorkbenchPage({ bench }: { bench: Workbench }) {
  return (
    <div class="workbench">
      <div class="asking">
        <div class="workbench-head">
          <h1>{t("title")}</h1>
          <Examples bench={bench} />
        </div>
        <Editor bench={bench} />
        <RunBar bench={bench} />
        <AboutEndpoint settings={bench.settings} />
      </div>
      <div class="answering">
        <ErrorMessage bench={bench} />
        <StatusLine bench={bench} />
        <Results bench={bench} />
      </div>
    </div>
  );
}
