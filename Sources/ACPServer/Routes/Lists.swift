// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage

/// A page of a list as JSON that ends when it is full: `{"items":[…],"total":3,"next_offset":2}`.
struct PageJSON {
    private let offset: Int
    private let limit: Int
    private let byteLimit: Int
    private var json: [UInt8]
    /// The number of items on the page.
    private(set) var count = 0
    /// Whether an item was rejected because of its size.
    private(set) var isFull = false

    /// - Parameters:
    ///   - name: The name of the list's member.
    ///   - offset: The index of the first item in the list.
    ///   - limit: The maximum number of items.
    ///   - byteLimit: The maximum number of bytes. A page with a single item may have more.
    init(_ name: String, from offset: Int, limit: Int, bytes byteLimit: Int) {
        self.offset = offset
        self.limit = limit
        self.byteLimit = byteLimit
        json = Array("{\"\(name)\":[".utf8)
    }

    /// Whether items can be added.
    var hasRoom: Bool { !isFull && count < limit && json.count < byteLimit }
    /// The index of the next item in the list.
    var nextOffset: Int { offset + count }
    /// How many items and bytes can still be added.
    var remainingItems: Int { limit - count }
    var remainingBytes: Int { max(1, byteLimit - json.count) }

    /// Adds an item if there is room for it.
    mutating func add(_ item: [UInt8]) {
        guard !isFull, count < limit else { return }
        guard count == 0 || json.count + item.count < byteLimit else {
            isFull = true
            return
        }
        if count > 0 { json.append(UInt8(ascii: ",")) }
        json += item
        count += 1
    }

    /// Returns the JSON of the whole page.
    ///
    /// - Parameters:
    ///   - total: The number of items on all pages. If `nil`, the page does not contain it.
    ///   - hasMore: Whether there are items after this page.
    consuming func finished(total: Int? = nil, hasMore: Bool) -> [UInt8] {
        json.append(UInt8(ascii: "]"))
        if let total { json += ",\"total\":\(total)".utf8 }
        if hasMore { json += ",\"next_offset\":\(offset + count)".utf8 }
        json.append(UInt8(ascii: "}"))
        return json
    }
}

/// The list of all events that a run has at one moment.
struct EventListPieces: JSONPieces {
    private enum Stage { case start, events, end }

    let engine: RunEngine
    let run: RunID
    private var index: Int
    private let end: Int
    private let pieceSize: Int
    private var isEmpty = true
    private var stage = Stage.start
    private var size = ChunkSize(first: 32, limit: 256)

    /// - Parameters:
    ///   - offset: The index of the first event.
    ///   - end: The number of events of the run.
    ///   - pieceSize: The number of bytes that are read at once. A single event may have more.
    init(_ engine: RunEngine, _ run: RunID, from offset: Int, to end: Int, pieceSize: Int) {
        self.engine = engine
        self.run = run
        index = offset
        self.end = end
        self.pieceSize = pieceSize
    }

    mutating func next() async throws -> [UInt8]? {
        switch stage {
        case .start:
            stage = index < end ? .events : .end
            return Array("{\"events\":[".utf8) + (index < end ? [] : Array("]}".utf8))
        case .end: return nil
        case .events:
            let events = try await engine.events(
                of: run, from: index, limit: min(size.count, end - index), bytes: pieceSize)
            var json: [UInt8] = []
            json.reserveCapacity(events.reduce(2) { $0 + $1.json.count + 1 })
            for event in events {
                if !isEmpty { json.append(UInt8(ascii: ",")) }
                isEmpty = false
                json += event.json
            }
            index += events.count
            size.note(items: events.count, bytes: json.count, wanted: pieceSize)
            if index >= end || events.isEmpty {
                stage = .end
                json += "]}".utf8
            }
            return json
        }
    }
}

/// A session's descriptor, whose history is read and written page by page.
struct DescriptorPieces: JSONPieces {
    private enum Stage { case start, history, end }

    let engine: RunEngine
    let session: SessionID
    let state: String?
    let url: @Sendable (HistoryEntry, Int) -> String
    private var index = 0
    private let end: Int
    private var stage = Stage.start
    private var size = ChunkSize(first: 32, limit: 200)
    /// The approximate number of bytes of entries that are read at once.
    private static let pieceSize = 1_048_576

    /// - Parameters:
    ///   - end: The number of entries of the history.
    ///   - url: Returns the URL of an entry at an index.
    init(
        _ engine: RunEngine, _ session: SessionID, count end: Int, state: String?,
        url: @escaping @Sendable (HistoryEntry, Int) -> String
    ) {
        self.engine = engine
        self.session = session
        self.end = end
        self.state = state
        self.url = url
    }

    mutating func next() async throws -> [UInt8]? {
        switch stage {
        case .start:
            stage = .history
            return try Array("{\"id\":".utf8) + ACPJSON.encode(session.rawValue) + Array(",\"history\":[".utf8)
        case .end: return nil
        case .history:
            let entries =
                index < end
                ? try await engine.historyWithoutContents(of: session, from: index, limit: min(size.count, end - index))
                    .items
                : []
            var json: [UInt8] = []
            for (position, entry) in entries.enumerated() {
                if index + position > 0 { json.append(UInt8(ascii: ",")) }
                json += try ACPJSON.encode(url(entry, index + position))
            }
            index += entries.count
            size.note(
                items: entries.count, bytes: entries.reduce(0) { $0 + $1.storedSize }, wanted: Self.pieceSize)
            if index >= end || entries.isEmpty {
                stage = .end
                json.append(UInt8(ascii: "]"))
                if let state { json += try Array(",\"state\":".utf8) + ACPJSON.encode(state) }
                json.append(UInt8(ascii: "}"))
            }
            return json
        }
    }
}
