// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What shows that a file has changed.
package struct FileStamp: Sendable, Equatable {
    private let date: Date?
    private let size: UInt64?
    private let number: UInt64?

    /// Reads the stamp of a file as it is now.
    package init(_ path: String) {
        // Symbolic links are followed, since tools replace them instead of the files.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes = try? FileManager.default.attributesOfItem(atPath: target)
        date = attributes?[.modificationDate] as? Date
        size = (attributes?[.size] as? NSNumber)?.uint64Value
        number = (attributes?[.systemFileNumber] as? NSNumber)?.uint64Value
    }
}

/// Reading files of a configuration.
package enum ConfigurationFile {
    /// Reads a file.
    ///
    /// - Returns: The bytes, or why the file cannot be read, for people.
    package static func read(_ path: String) -> (bytes: [UInt8]?, fault: String) {
        do {
            return (Array(try Data(contentsOf: URL(fileURLWithPath: path))), "")
        } catch {
            let reason =
                switch (error as? CocoaError)?.code {
                case .fileReadNoSuchFile, .fileNoSuchFile: "the file does not exist"
                case .fileReadNoPermission: "permission denied: allow the server's user to read the file"
                default: "the file cannot be read"
                }
            return (nil, reason)
        }
    }
}
