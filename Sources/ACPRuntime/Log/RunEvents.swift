// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import ACPStorage
import Synchronization

/// The events of a run in order, each once, in batches: those that are stored, then further ones as they are committed.
///
/// Any process can follow any run. A slow reader costs little memory: events that it has not read yet are in storage,
/// and are read from there when it gets to them. It holds one batch at a time, which it shares with other readers of
/// the same run that are at about the same position.
public struct RunEvents: AsyncSequence, Sendable {
    /// The event after which the sequence ends.
    public enum StopCondition: Sendable {
        /// The sequence ends when the run has ended.
        case terminal
        /// The sequence ends when the run has ended or asks a question.
        case settled
    }

    /// Consecutive events of a run.
    public struct Batch: Sendable {
        /// The index of the first event.
        public let offset: Int
        /// The events. Never empty, unless the reader was woken by a `FollowerWake`.
        public let events: [EncodedEvent]
        /// The page from which the events were read, if they were read from storage. Other readers use it while this is
        /// alive.
        var page: EventPages.Page?
    }

    /// The largest number of events that are read from storage at once.
    static let pageSize = 256
    /// The largest number of bytes in a batch, unless it is a single event.
    static let batchBytes = 262_144

    let engine: RunEngine
    let run: RunID
    let offset: Int
    let stopCondition: StopCondition
    let wake: FollowerWake?

    /// Returns an iterator that starts at the first requested event.
    public func makeAsyncIterator() -> Iterator {
        Iterator(
            engine: engine, run: run, stopCondition: stopCondition, wake: wake, index: offset,
            execution: engine.execution(of: run))
    }

    /// Reads the events of a run.
    public struct Iterator: AsyncIteratorProtocol {
        private let engine: RunEngine
        private var pageSize = ChunkSize(first: 32, limit: RunEvents.pageSize)
        let run: RunID
        let stopCondition: StopCondition
        let wake: FollowerWake?
        var index: Int
        var execution: RunExecution?
        private var changes: RemoteChanges?
        /// The number of wakes when storage had no further events. Until it grows, storage need not be read again.
        private var quietWakes: Int?
        /// Whether events were returned since then. They explain a wake.
        private var hasAdvanced = false
        private var wasWoken = false
        private var isFinished = false

        init(
            engine: RunEngine, run: RunID, stopCondition: StopCondition, wake: FollowerWake?, index: Int,
            execution: RunExecution?
        ) {
            self.engine = engine
            self.run = run
            self.stopCondition = stopCondition
            self.wake = wake
            self.index = index
            self.execution = execution
        }

        /// Returns the next events, or `nil` after the last one.
        ///
        /// - Throws: ``RunEngineError``: `unknownRun` if the run is not stored, or was deleted; `storage`;
        ///   `CancellationError`.
        public mutating func next() async throws -> Batch? {
            while !isFinished {
                do {
                    let batch = if let execution { try await read(from: execution) } else { try await readStored() }
                    if let batch { return batch }
                    if wasWoken {
                        wasWoken = false
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
                // They were committed: the run was deleted.
                guard let batch = try await readPage() else { throw RunEngineError.unknownRun(run) }
                return batch
            case .notYet: wasWoken = try await execution.wait(for: .events(from: index), wake: wake)
            case .ended: isFinished = true
            case .abandoned: self.execution = nil
            case .stalled(let error): throw error
            }
            return nil
        }

        private mutating func readStored() async throws -> Batch? {
            // Watching starts before reading: a commit in between wakes this reader.
            let changes: RemoteChanges
            if let known = self.changes, !known.isOver {
                changes = known
            } else {
                changes = RemoteChanges(try await engine.contents.coordination.changes(of: run))
                self.changes = changes
                quietWakes = nil
            }
            let wakes = changes.waiters.wakes
            if hasAdvanced, try await engine.contents.eventCount(of: run) == index {
                // Most wakes are for the events that were returned after them: to see that, counting is enough. It does
                // not show that the run was deleted, or that it was damaged and has ended without an event.
                hasAdvanced = false
                changes.wakeLater()
            } else if wakes != quietWakes {
                hasAdvanced = false
                if let batch = try await readPage() { return batch }
                guard let record = try await engine.contents.recordWithoutContents(of: run) else {
                    throw RunEngineError.unknownRun(run)
                }
                guard record.eventCount <= index else { return nil }
                isFinished = record.snapshot.status.isTerminal
                if isFinished { return nil }
            }
            quietWakes = wakes
            wasWoken = try await changes.waiters.wait(beyond: wakes, wake: wake)
            // A run that has left memory, or that this process has taken over, may be executed here by now.
            execution = engine.execution(of: run)
            if execution != nil { self.changes = nil }
            return nil
        }

        /// Returns the next stored events, or `nil` if there are none.
        private mutating func readPage() async throws -> Batch? {
            guard let page = try await engine.pages.page(of: run, containing: index, limit: pageSize.count) else {
                return nil
            }
            pageSize.note(items: page.events.count, bytes: page.bytes, wanted: RunEvents.batchBytes)
            let start = index - page.offset
            return take(start == 0 ? page.events : Array(page.events[start...]), of: page)
        }

        private mutating func take(_ events: [EncodedEvent], of page: EventPages.Page? = nil) -> Batch? {
            guard !events.isEmpty else { return nil }
            let last = events.firstIndex { stopCondition == .settled ? $0.kind.isSettled : $0.kind.isTerminal }
            let wanted = last.map { $0 == events.count - 1 ? events : Array(events[...$0]) } ?? events
            isFinished = last != nil
            hasAdvanced = page != nil
            defer { index += wanted.count }
            return Batch(offset: index, events: wanted, page: page)
        }
    }
}

/// Announcements of commits to a run by other processes, as wakes, so that a reader can be woken by something else as
/// well.
private final class RemoteChanges: Sendable {
    private final class End: Sendable {
        let isReached = Atomic(false)
    }

    /// The time after which ``wakeLater()`` wakes.
    private static let delay = Duration.seconds(1)

    let waiters = ProgressWaiters()
    private let end = End()
    private let listener: Task<Void, Never>
    private let laterWake = Mutex<Task<Void, Never>?>(nil)

    init(_ changes: AsyncStream<Void>) {
        // Unstructured, because it serves successive calls of one reader. It ends with the stream, or with this object,
        // which only the reader has.
        listener = Task { [waiters, end] in
            for await _ in changes { waiters.wakeAll() }
            end.isReached.store(true, ordering: .releasing)
            waiters.wakeAll()
        }
    }

    deinit {
        listener.cancel()
        laterWake.withLock { $0?.cancel() }
    }

    /// Wakes the waiters after a second, once for all calls until then.
    func wakeLater() {
        laterWake.withLock { task in
            guard task == nil else { return }
            // Unstructured like the listener. It ends after a second, or with this object.
            task = Task { [weak self, waiters] in
                guard (try? await Task.sleep(for: Self.delay)) != nil else { return }
                self?.laterWake.withLock { $0 = nil }
                waiters.wakeAll()
            }
        }
    }

    /// Whether the stream of announcements has ended, so that a new one is needed.
    var isOver: Bool { end.isReached.load(ordering: .acquiring) }
}
