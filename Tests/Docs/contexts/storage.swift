// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/storage.md take for granted.
import ACPCore
import ACPStorage
