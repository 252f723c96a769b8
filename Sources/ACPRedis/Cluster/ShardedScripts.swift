// SPDX-License-Identifier: Apache-2.0

import Redis
import Synchronization

/// Scripts as a cluster runs them: what they publish goes to the shard of the run, and not to all servers.
enum ShardedScripts {
    private static let known = Mutex<[String: RedisScript]>([:])

    static func apply(to request: inout RedisRequest) {
        guard let script = request.script else { return }
        let sharded = of(script)
        request.script = sharded
        request.command.arguments[0] = .text(sharded.sha1)
    }

    private static func of(_ script: RedisScript) -> RedisScript {
        known.withLock { known in
            if let sharded = known[script.sha1] { return sharded }
            let sharded = RedisScript(script.source.replacing("'PUBLISH'", with: "'SPUBLISH'"))
            known[script.sha1] = sharded
            return sharded
        }
    }
}
