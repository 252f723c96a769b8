// SPDX-License-Identifier: Apache-2.0

/** The URL of the server, below which its routes are. A proxy may have put it into a folder. */
export const root = new URL("../../", import.meta.url);
