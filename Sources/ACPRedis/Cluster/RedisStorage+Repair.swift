// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging

extension RedisStorage {
    /// On a cluster: makes the indexes say what is stored of a run. If that cannot be done now, it will be soon.
    func putRight(_ run: RunID, _ place: RunPlace?) async {
        do throws(StorageError) {
            try await housekeeping.putRight([.init(run: run, place: place)])
        } catch {
            logger.warning(
                "The lists do not show a run as it is; they will be repaired",
                metadata: ["run": "\(run)", "error": "\(error)"])
        }
    }
}
