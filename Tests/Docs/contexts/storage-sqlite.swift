// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/storage-sqlite.md take for granted.
import ACPSQLite
