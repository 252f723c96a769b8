// SPDX-License-Identifier: Apache-2.0

import ACPServer

let server = ACPServer(storage: MemoryStorage())
try await server.runService()
