// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// The contents, and the file that they can be read from again.
///
/// One actor has both, so that each write finds the contents as the write before left them: deciding, writing down and
/// applying are one step for everybody else, because there is no `await` in between.
actor Journal {
    private let file: FileHandle
    private var contents = Contents()
    /// Why nothing works any more: the journal was closed, or writing failed.
    private var refusal: StorageError?

    /// Opens a journal and reads it; makes the file if it is not there.
    init(path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StorageError(.refused, "the journal \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        // Two processes that append to one journal would not know of each other's changes.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StorageError(.refused, "the journal \(path) is in use: close the other storage, or take another file")
        }
        do {
            let data = try file.readToEnd() ?? Data()
            // What stands behind the last line break was being written when the process died. Nobody was told that it is
            // there.
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

    /// Looks at the contents.
    func read<Result: Sendable>(_ body: @Sendable (Contents) throws -> Result) throws -> Result {
        if let refusal { throw refusal }
        return try body(contents)
    }

    /// Decides what is to change by the contents as they stand, and changes it. If the decision throws, nothing changes.
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
        // Only now: what readers see must not be lost any more.
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
        // The disk has everything already: nothing can be lost here.
        try? file.close()
    }

    /// Changes the file, and waits until the disk has it. If that fails, nobody knows what the file holds, and nothing may
    /// be written behind it: opening the journal again finds out.
    private func onDisk(_ body: () throws -> Void) throws {
        do {
            try body()
            try file.synchronize()
        } catch {
            refusal = StorageError(.refused, "writing the journal failed: make room, and open it again", cause: error)
            throw StorageError(.outcomeUnknown, "the journal could not be written", cause: error)
        }
    }
}
