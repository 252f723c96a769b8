// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging

extension RedisStorage {
    /// On a cluster, makes the indexes agree with what is stored of a run. If that is not possible now, a later check
    /// does it.
    func repairIndexes(_ run: RunID, _ indexEntry: RunIndexEntry?) async {
        do throws(StorageError) {
            try await indexMaintenance.repairIndexes([.init(run: run, indexEntry: indexEntry)])
        } catch {
            logger.warning(
                "The lists do not show the current state of a run; they will be repaired",
                metadata: ["run": "\(run)", "error": "\(error)"])
        }
    }
}
