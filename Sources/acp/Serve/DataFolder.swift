// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Foundation

/// Where the tool keeps its data if nobody says otherwise.
enum DataFolder {
    /// The SQLite file, in a folder that is made if it is not there: `$XDG_DATA_HOME/simple-acp`, else
    /// `~/.local/share/simple-acp`; on macOS `~/Library/Application Support/simple-acp`.
    static func defaultStorage() throws(StorageError) -> String {
        let folder = try base().appendingPathComponent("simple-acp", isDirectory: true)
        do {
            // For this user alone: what agents are told may be private.
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StorageError(
                .refused,
                "the folder \(folder.path) cannot be made: name a file with --storage sqlite:PATH, or use --storage memory",
                cause: error)
        }
        return folder.appendingPathComponent("acp.sqlite").path
    }

    private static func base() throws(StorageError) -> URL {
        let environment = ProcessInfo.processInfo.environment
        // A relative one is to be ignored, says the specification of the variable.
        if let path = environment["XDG_DATA_HOME"], path.hasPrefix("/") {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw StorageError(
                .refused,
                "there is no home folder to keep data in ($HOME is not set): name a file with --storage sqlite:PATH, or use "
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
