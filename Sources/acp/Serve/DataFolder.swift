// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Foundation

/// The default folder of the tool's data.
enum DataFolder {
    /// Returns the path of the SQLite file. The folder is created if it does not exist.
    static func defaultStorage() throws(StorageError) -> String {
        let folder = try folder()
        do {
            // Only this user has access, since messages may be private.
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StorageError(
                .refused,
                "the folder \(folder.path) cannot be created: use another file with --storage sqlite:PATH, or --storage memory",
                cause: error)
        }
        return file(in: folder)
    }

    /// Returns the path of the SQLite file. `nil` if its folder does not exist.
    static func existingStorage() throws(StorageError) -> String? {
        let folder = try folder()
        return FileManager.default.fileExists(atPath: folder.path) ? file(in: folder) : nil
    }

    /// `$XDG_DATA_HOME/simple-acp`, or `~/.local/share/simple-acp`; on macOS `~/Library/Application Support/simple-acp`.
    private static func folder() throws(StorageError) -> URL {
        try base().appendingPathComponent("simple-acp", isDirectory: true)
    }

    private static func file(in folder: URL) -> String { folder.appendingPathComponent("acp.sqlite").path }

    private static func base() throws(StorageError) -> URL {
        let environment = ProcessInfo.processInfo.environment
        // The specification of the variable requires that a relative path is ignored.
        if let path = environment["XDG_DATA_HOME"], path.hasPrefix("/") {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw StorageError(
                .refused,
                "there is no home folder for the data ($HOME is not set): use a file with --storage sqlite:PATH, or "
                    + "--storage memory")
        }
        #if os(macOS)
            let folder = "Library/Application Support"
        #else
            let folder = ".local/share"
        #endif
        return URL(fileURLWithPath: home, isDirectory: true).appendingPathComponent(folder, isDirectory: true)
    }
}
