// SPDX-License-Identifier: Apache-2.0

import { viewHead } from "../lib/components.js";
import { setTitle } from "../lib/router.js";
import { t } from "../lib/texts.js";

/** Shows the view. */
export default async function show(container, { params, query, signal }) {
  setTitle(t.processes.title);
  container.append(viewHead(t.processes.title));
}
