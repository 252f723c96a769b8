// SPDX-License-Identifier: Apache-2.0

import ACPStorage

extension SQLiteStorage {
    /// Checks whether a storage can be opened on a file, without creating or changing it.
    ///
    /// - Parameter path: The path of the file.
    /// - Returns: The statistics of the file, or `nil` if the storage would create it.
    /// - Throws: `StorageError` with one of the codes of ``init(path:logger:)``.
    package static func inspect(_ path: String) async throws -> SQLiteStorageStatistics? {
        try Configuration.validate(path: path)
        let path = try DatabasePath.resolve(path)
        guard DatabasePath.exists(path) else {
            try DatabasePath.checkFolderIsWritable(path)
            return nil
        }
        try DatabasePath.checkIsWritable(path)
        if DatabasePath.exists(path + "-lock") { try FileLock(database: path).release() }
        return DatabasePath.size(path) == 0 ? nil : try await statistics(ofFile: path)
    }
}
