// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation

/// How many bytes of memory values take, as an estimate that is rather too high than too low: every string counts, also one whose
/// bytes are shared with another value.
enum MemoryCost {
    /// What a run or a session takes besides its content: its object, its ids, its places in tables and listings.
    static let entry = 1_024
    /// What an array or a string takes besides its elements.
    static let allocation = 48

    static func of(_ text: String?) -> Int {
        // Short strings need no memory of their own.
        guard let count = text?.utf8.count, count > 15 else { return 0 }
        return count + allocation
    }

    static func of(_ events: [EncodedEvent]) -> Int {
        events.reduce(0) { $0 + MemoryLayout<EncodedEvent>.stride + allocation + $1.json.count }
    }

    static func of(_ contents: [StoredContent]) -> Int { contents.reduce(0) { $0 + of($1) } }

    static func of(_ content: StoredContent) -> Int { content.bytes.count + 4 * allocation }

    /// - Parameter value: Something that holds JSON of any shape, which takes several times as much in memory as in bytes.
    static func of(json value: some Encodable) -> Int { 4 * ((try? ACPJSON.encode(value).count) ?? 0) }

    static func of(_ messages: [Message]) -> Int { messages.reduce(0) { $0 + of($1) } }

    static func of(_ message: Message) -> Int {
        message.parts.reduce(MemoryLayout<Message>.stride + allocation) { $0 + of($1) }
    }

    private static func of(_ part: MessagePart) -> Int {
        var cost = MemoryLayout<MessagePart>.stride + of(part.name) + of(part.contentType)
        cost += of(part.content) + of(part.contentURL)
        if let metadata = part.metadata { cost += of(json: metadata) }
        if !part.extra.isEmpty { cost += of(json: part.extra) }
        return cost
    }

    static func of(_ run: Run) -> Int {
        var cost = MemoryLayout<Run>.stride + of(run.output)
        if let request = run.awaitRequest {
            cost += request.message.map { of($0) } ?? of(json: request)
        }
        if let error = run.error { cost += of(json: error) }
        return cost
    }

    static func of(_ entry: HistoryEntry) -> Int {
        switch entry {
        case .message(let message): MemoryLayout<HistoryEntry>.stride + of(message)
        case .link(let url): MemoryLayout<HistoryEntry>.stride + of(url)
        }
    }

    /// What a block takes without its contents.
    static func of(_ block: HistoryBlock) -> Int {
        block.entries.reduce(2 * allocation + block.key.utf8.count) { $0 + of($1) }
    }

    static func of(_ session: SessionRecord) -> Int {
        var cost = MemoryLayout<SessionRecord>.stride
        if let state = session.state { cost += state.bytes.count + allocation + of(state.contentType) }
        if !session.metadata.isEmpty { cost += of(json: session.metadata) }
        return cost
    }
}

extension MemoryStorage.Configuration {
    /// A quarter of the memory that this process may use: that of the machine, or of its container if that has less.
    public static let defaultByteLimit: Int = {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].lazy
            .compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }
            .compactMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            .first
        return max(smallestByteLimit, min(machine, container ?? machine) / 4)
    }()

    static let smallestByteLimit = 65_536
}
