// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// Folders for the files of a test.
public enum TestFolder {
    /// Creates an empty folder with a random name. Its path is short, because the length of a Unix socket's path is
    /// limited.
    public static func make(_ name: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(name)-\(UInt32.random(in: 0 ... .max))", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}
