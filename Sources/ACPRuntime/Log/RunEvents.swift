// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import ACPStorage
import Synchronization

/// The events of a run in order, each once, in batches: first what is stored, then what follows, as it is committed.
///
/// Where the run is executed does not matter. A slow reader costs little memory: what it has not read yet is in storage, and
/// is read from there when it gets to it. What it has read but not let go of is one batch, which it shares with other readers
/// of the same run at about the same place.
public struct RunEvents: AsyncSequence, Sendable {
    /// Where the sequence ends.
    public enum End: Sendable {
        /// When the run has ended.
        case terminal
        /// When the run has ended or asks something.
        case settled
    }

    /// Events that were committed, one behind the other. None if the reader was nudged.
    public struct Batch: Sendable {
        /// The index of the first one.
        public let offset: Int
        public let events: [EncodedEvent]
        /// Where the events were read, if that was in storage: as long as somebody has it, others use it.
        var page: EventPages.Page?
    }

    /// How many events are read from storage at once, at most.
    static let pageSize = 256
    /// How many bytes a batch has at most, unless it is a single event.
    static let batchBytes = 262_144

    let engine: RunEngine
    let run: RunID
    let offset: Int
    let end: End
    let nudge: Nudge?

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            storage: engine.contents, pages: engine.pages, run: run, end: end, nudge: nudge, index: offset,
            execution: engine.execution(of: run))
    }

    /// Reads the events.
    public struct Iterator: AsyncIteratorProtocol {
        private let storage: ContentStorage
        private let pages: EventPages
        private var pageSize = ChunkSize(first: 32, limit: RunEvents.pageSize)
        let run: RunID
        let end: End
        let nudge: Nudge?
        var index: Int
        var execution: RunExecution?
        private var changes: RemoteChanges?
        /// How many wakes there were when storage had nothing new: before there are more, it need not be asked again.
        private var quietWakes: Int?
        private var isNudged = false
        private var isFinished = false

        init(
            storage: ContentStorage, pages: EventPages, run: RunID, end: End, nudge: Nudge?, index: Int,
            execution: RunExecution?
        ) {
            self.storage = storage
            self.pages = pages
            self.run = run
            self.end = end
            self.nudge = nudge
            self.index = index
            self.execution = execution
        }

        /// The next events, or nil after the end.
        ///
        /// - Throws: ``RunEngineError``: `unknownRun` if the run is not there (any more), `storage`; `CancellationError`.
        public mutating func next() async throws -> Batch? {
            while !isFinished {
                do {
                    let batch = if let execution { try await read(from: execution) } else { try await readStored() }
                    if let batch { return batch }
                    if isNudged {
                        isNudged = false
                        return Batch(offset: index, events: [])
                    }
                } catch let error as StorageError {
                    throw RunEngineError.storage(error)
                }
            }
            return nil
        }

        private mutating func read(from execution: RunExecution) async throws -> Batch? {
            switch execution.events(from: index) {
            case .events(let events): return take(events)
            case .stored:
                // They were there: somebody has deleted the run.
                guard let batch = try await readPage() else { throw RunEngineError.unknownRun(run) }
                return batch
            case .notYet: isNudged = try await execution.wait(for: .events(from: index), nudge: nudge)
            case .ended: isFinished = true
            case .abandoned: self.execution = nil
            case .stalled(let error): throw error
            }
            return nil
        }

        private mutating func readStored() async throws -> Batch? {
            // Watching begins before reading: what is committed in between wakes this reader.
            let changes: RemoteChanges
            if let known = self.changes, !known.isOver {
                changes = known
            } else {
                changes = RemoteChanges(try await storage.coordination.changes(of: run))
                self.changes = changes
                quietWakes = nil
            }
            let wakes = changes.waiters.wakes
            if wakes != quietWakes {
                if let batch = try await readPage() { return batch }
                guard let record = try await storage.recordWithoutContents(of: run) else {
                    throw RunEngineError.unknownRun(run)
                }
                guard record.eventCount <= index else { return nil }
                isFinished = record.snapshot.status.isTerminal
                if isFinished { return nil }
                quietWakes = wakes
            }
            isNudged = try await changes.waiters.wait(beyond: wakes, nudge: nudge)
            return nil
        }

        /// The next events that storage has, or nil if there are none.
        private mutating func readPage() async throws -> Batch? {
            guard let page = try await pages.page(of: run, containing: index, limit: pageSize.count) else { return nil }
            pageSize.note(items: page.events.count, bytes: page.bytes, wanted: RunEvents.batchBytes)
            let start = index - page.offset
            return take(start == 0 ? page.events : Array(page.events[start...]), of: page)
        }

        private mutating func take(_ events: [EncodedEvent], of page: EventPages.Page? = nil) -> Batch? {
            guard !events.isEmpty else { return nil }
            let last = events.firstIndex { end == .settled ? $0.kind.isSettled : $0.kind.isTerminal }
            let wanted = last.map { $0 == events.count - 1 ? events : Array(events[...$0]) } ?? events
            isFinished = last != nil
            defer { index += wanted.count }
            return Batch(offset: index, events: wanted, page: page)
        }
    }
}

/// What storage says of commits to a run, as wakes, so that a reader can be woken by something else as well.
private final class RemoteChanges: Sendable {
    private final class End: Sendable {
        let isReached = Atomic(false)
    }

    let waiters = ProgressWaiters()
    private let end = End()
    private let listener: Task<Void, Never>

    init(_ changes: AsyncStream<Void>) {
        // Unstructured, because it serves one reader after another call of its own. It ends with the stream, or with this
        // object, which the reader alone has.
        listener = Task { [waiters, end] in
            for await _ in changes { waiters.wakeAll() }
            end.isReached.store(true, ordering: .releasing)
            waiters.wakeAll()
        }
    }

    deinit { listener.cancel() }

    /// Whether storage has stopped saying anything: ask it anew.
    var isOver: Bool { end.isReached.load(ordering: .acquiring) }
}
