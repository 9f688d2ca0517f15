// Clover as a React component, which server.mjs bundles: the search of its web component fails (3.3.8).
import Viewer from "@samvera/clover-iiif/viewer";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const iiifContent = new URLSearchParams(location.search).get("manifest");
createRoot(document.getElementById("viewer")).render(createElement(Viewer, { iiifContent }));
