// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// The data in memory, and the file from which they are restored.
///
/// One actor owns both, so that each write sees the result of the previous one. Deciding, writing to the file and
/// applying are one atomic step for all other callers, because there is no `await` in between.
actor Journal {
    private let file: FileHandle
    private var contents = Contents()
    /// The error of all further calls, after the journal was closed or writing failed.
    private var refusal: StorageError?

    /// Opens a journal and reads it. Creates the file if it does not exist.
    init(path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StorageError(.refused, "the journal \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        // Two processes that append to one journal would not see each other's changes.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StorageError(.refused, "the journal \(path) is in use: close the other storage, or use another file")
        }
        do {
            let data = try file.readToEnd() ?? Data()
            // An incomplete last line was being written when the process crashed. Its write was not acknowledged.
            let end = data.lastIndex(of: Self.lineBreak).map { $0 + 1 } ?? 0
            if end < data.count { try file.truncate(atOffset: UInt64(end)) }
            for (number, line) in data[..<end].split(separator: Self.lineBreak).enumerated() {
                do {
                    try contents.apply(try ACPJSON.decode(Change.self, from: Data(line)))
                } catch {
                    throw StorageError(
                        .corruptData,
                        "line \(number + 1) of the journal \(path) cannot be read: restore the file from a backup",
                        cause: error)
                }
            }
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(.refused, "the journal \(path) cannot be read", cause: error)
        }
    }

    private static let lineBreak = UInt8(ascii: "\n")

    /// Reads the data.
    func read<Result: Sendable>(_ body: @Sendable (Contents) throws -> Result) throws -> Result {
        if let refusal { throw refusal }
        return try body(contents)
    }

    /// Decides about changes from the current data, and applies them. If the decision throws, nothing changes.
    func write<Result: Sendable>(
        _ decide: @Sendable (Contents, inout [Change]) throws -> Result
    ) throws -> Result {
        if let refusal { throw refusal }
        var changes: [Change] = []
        let result = try decide(contents, &changes)
        guard !changes.isEmpty else { return result }
        var lines = Data()
        for change in changes { lines += try ACPJSON.encode(change) + [Self.lineBreak] }
        try onDisk { try file.write(contentsOf: lines) }
        // Only now: data that readers see must be durable.
        for change in changes { try contents.apply(change) }
        return result
    }

    func removeAll() throws {
        if let refusal { throw refusal }
        try onDisk { try file.truncate(atOffset: 0) }
        contents = Contents()
    }

    func close() {
        if refusal?.code == .closed { return }
        refusal = StorageError(.closed, "the journal storage was closed")
        // Everything is on the disk already, so an error here loses nothing.
        try? file.close()
    }

    /// Changes the file, and waits until the disk has stored it. If that fails, the content of the file is unknown, and
    /// nothing may be appended: opening the journal again restores a known state.
    private func onDisk(_ body: () throws -> Void) throws {
        do {
            try body()
            try file.synchronize()
        } catch {
            refusal = StorageError(
                .refused, "writing the journal failed: make room on the disk, and open it again", cause: error)
            throw StorageError(.outcomeUnknown, "the journal could not be written", cause: error)
        }
    }
}
