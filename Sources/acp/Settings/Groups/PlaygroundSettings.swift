// SPDX-License-Identifier: Apache-2.0

import ACPPlayground
import ACPServer
import ACPStorage

/// Whether a server has the page for trying out its agents.
struct PlaygroundSettings: SettingGroup {
    let isEnabled = Setting<Bool?>(
        "playground.enabled", flag: "playground", otherwise: "true if only this machine can reach the server",
        help:
            "Serve a page at /playground for trying out agents and looking at runs. The page itself requires no token, what it shows does."
    )

    /// Adds the page to a server.
    ///
    /// - Returns: Whether the server has the page.
    func apply(to server: ACPServer, storage: any Storage, _ values: SettingValues) throws -> Bool {
        guard values[isEnabled] ?? server.configuration.listensOnLoopback else { return false }
        try server.addPlayground(PlaygroundConfiguration(storageStatistics: storage.playgroundStatistics))
        return true
    }
}
