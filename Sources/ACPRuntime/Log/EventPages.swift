// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import DequeModule
import Synchronization

/// Reads stored events for followers of runs. Readers of one run that are at about the same position share what was
/// read.
///
/// A page exists while a reader has it; the newest pages, up to ``recentBytes``, are kept for longer.
final class EventPages: Sendable {
    /// Events of one run that were read together.
    final class Page: Sendable {
        let offset: Int
        let events: [EncodedEvent]
        let bytes: Int
        fileprivate let time = ContinuousClock.now

        fileprivate init(offset: Int, events: [EncodedEvent]) {
            self.offset = offset
            self.events = events
            bytes = events.reduce(0) { $0 + $1.json.count }
        }

        var end: Int { offset + events.count }
    }

    /// The largest number of bytes of pages that are kept although no reader has them.
    static let recentBytes = 4_194_304
    /// The time for which a page is used without checking that its run still exists.
    private static let freshness = Duration.seconds(1)

    private struct Key: Hashable {
        let run: RunID
        let index: Int
    }

    private struct KnownPage {
        weak var page: Page?
    }

    /// A page that is being read.
    private final class Load: Sendable {
        enum Outcome: Sendable {
            case page
            case nothing
            case failure(any Error)
            /// Its reader was cancelled: the result is unknown.
            case abandoned
        }

        let waiters = ProgressWaiters()
        let outcome = Mutex<Outcome?>(nil)
    }

    private struct State {
        var pages: [RunID: [KnownPage]] = [:]
        var recent: Deque<Page> = []
        var recentBytes = 0
        var loads: [Key: Load] = [:]
        var additions = 0

        func page(of run: RunID, containing index: Int) -> Page? {
            for known in pages[run] ?? [] {
                if let page = known.page, page.offset <= index, index < page.end { return page }
            }
            return nil
        }

        mutating func add(_ page: Page, of run: RunID) {
            var known = (pages[run] ?? []).filter { $0.page != nil }
            known.append(KnownPage(page: page))
            pages[run] = known
            if page.bytes <= EventPages.recentBytes {
                recent.append(page)
                recentBytes += page.bytes
                while recentBytes > EventPages.recentBytes, let oldest = recent.popFirst() {
                    recentBytes -= oldest.bytes
                }
            }
            additions += 1
            if additions.isMultiple(of: 1_024) {
                pages = pages.filter { $0.value.contains { $0.page != nil } }
            }
        }
    }

    private enum Finding {
        case page(Page)
        case loading(Load, wakes: Int)
        case missing(Load)
    }

    private let storage: any Storage
    private let state = Mutex(State())

    init(_ storage: any Storage) { self.storage = storage }

    /// The number of runs of which pages are known, for tests.
    var runCount: Int { state.withLock { $0.pages.count } }

    /// Removes the pages of a run that was deleted.
    func forget(_ run: RunID) { state.withLock { $0.pages[run] = nil } }

    /// Returns a page that contains the event at an index, or `nil` if there is no such event yet.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - index: The index of an event.
    ///   - limit: The largest number of events to read, if the page has to be read.
    func page(of run: RunID, containing index: Int, limit: Int) async throws -> Page? {
        let key = Key(run: run, index: index)
        // A load that was in progress before may have missed the event that this reader was woken for. The next one
        // does not.
        var hasSeenLoad = false
        while true {
            let finding = state.withLock { state -> Finding in
                if let page = state.page(of: run, containing: index) { return .page(page) }
                if let load = state.loads[key] { return .loading(load, wakes: load.waiters.wakes) }
                let load = Load()
                state.loads[key] = load
                return .missing(load)
            }
            switch finding {
            case .page(let page):
                if .now - page.time < Self.freshness { return page }
                if try await storage.eventCount(of: run) >= page.end { return page }
                forget(run)
            case .loading(let load, let wakes):
                try await load.waiters.wait(beyond: wakes)
                switch load.outcome.withLock({ $0 }) {
                case .failure(let error): throw error
                case .nothing where hasSeenLoad: return nil
                case .nothing: hasSeenLoad = true
                case .page, .abandoned, nil: break
                }
            case .missing(let load):
                return try await perform(load, key, limit: limit)
            }
        }
    }

    private func perform(_ load: Load, _ key: Key, limit: Int) async throws -> Page? {
        var outcome = Load.Outcome.nothing
        defer {
            load.outcome.withLock { $0 = outcome }
            state.withLock { $0.loads[key] = nil }
            load.waiters.wakeAll()
        }
        do {
            let events = try await storage.events(
                of: key.run, from: key.index, limit: limit, bytes: RunEvents.batchBytes)
            guard !events.isEmpty else { return nil }
            let page = Page(offset: key.index, events: events)
            state.withLock { $0.add(page, of: key.run) }
            outcome = .page
            return page
        } catch {
            outcome = error is CancellationError || Task.isCancelled ? .abandoned : .failure(error)
            throw error
        }
    }
}
