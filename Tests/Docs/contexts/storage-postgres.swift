// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/storage-postgres.md take for granted.
import ACPPostgres
