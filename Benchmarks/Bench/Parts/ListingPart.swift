// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// A listing of an agent's runs.
private enum Listing: CaseIterable {
    case creation, changeOfStatus, changeSinceTime

    var title: String {
        switch self {
        case .creation: "by creation"
        case .changeOfStatus: "by change of status"
        case .changeSinceTime: "by change of status since a time, in two statuses"
        }
    }

    /// Returns the first page of a listing of a number of runs, and what is expected to be its total.
    func page(of storage: any Storage, _ count: Int) async throws -> (page: StoragePage<Run>, total: Int) {
        switch self {
        case .creation: (try await storage.runs(RunQuery(.agent(Filler.agent), limit: 10)), count)
        case .changeOfStatus: (try await storage.runs(RunStatusQuery(agent: Filler.agent, limit: 10)), count)
        case .changeSinceTime:
            (
                try await storage.runs(
                    RunStatusQuery(
                        agent: Filler.agent, statuses: [.inProgress, .completed], changedSince: Filler.time(count / 2),
                        limit: 10)), count - count / 2
            )
        }
    }
}

/// Measures one page of each listing of an agent's runs, by the number of runs.
func measureListing(in bench: BenchSession) async throws -> Section {
    let few = 1_000
    let counts = bench.pick([100_000, 1_000_000], quick: [20_000])
    var section = Section("Listing")
    section.note(
        """
        The newest ten runs of an agent and their exact total, by the number of runs: half of the calls to the \
        storage return within the time in the table. The ratios compare with a storage of \(few) runs that was \
        measured in turns with the large one. All runs ended within a second or two, which is the worst case for \
        totals since a time.
        """)
    var table = Table(
        ["storage", "listing", "\(Figure.whole(Double(few))) runs"]
            + counts.flatMap { ["\(Figure.whole(Double($0))) runs", "ratio"] })
    for kind in StorageKind.allCases {
        let backings = [
            try await Backing.start(kind, in: bench.folder), try await Backing.start(kind, in: bench.folder),
        ]
        defer { backings.forEach { $0.stop() } }
        let small = try await Filler(backings[0], most: few)
        let large = try await Filler(backings[1], most: counts.last ?? 0)
        try await small.fill(upTo: few)
        var first: [Listing: Series] = [:]
        var cells: [Listing: [String]] = [:]
        for count in counts {
            bench.progress("listing, \(kind.title): filling up to \(Figure.whole(Double(count))) runs")
            try await large.fill(upTo: count)
            for listing in Listing.allCases {
                var times = (few: Series(), many: Series())
                for call in 0..<600 {
                    let quick = try await page(listing, on: small.storage, of: few)
                    let slow = try await page(listing, on: large.storage, of: count)
                    // The first hundred warm up.
                    guard call >= 100 else { continue }
                    times.few.add(quick)
                    times.many.add(slow)
                    first[listing, default: Series()].add(quick)
                }
                let ratio = times.many.median / times.few.median
                bench.progress(
                    "listing \(listing.title), \(kind.title), \(Figure.whole(Double(count))) runs: "
                        + "\(Figure.time(times.many.median)), \(Figure.ratio(ratio)) times that of \(few)")
                cells[listing, default: []] += [Figure.time(times.many.median), Figure.ratio(ratio)]
                guard count == counts.last, listing != .changeSinceTime else { continue }
                section.aim(
                    "page of runs \(listing.title) at \(Figure.whole(Double(count))) against "
                        + "\(Figure.whole(Double(few))), \(kind.title)",
                    "no more than 2 times", measured: Figure.ratio(ratio), isReached: ratio <= 2)
            }
        }
        try await small.storage.close()
        try await large.storage.close()
        for listing in Listing.allCases {
            table.add(
                [kind.title, listing.title, Figure.time(first[listing, default: Series()].median)]
                    + cells[listing, default: []])
        }
    }
    section.add(table)
    return section
}

/// Returns the time of a page, in seconds.
private func page(_ listing: Listing, on storage: any Storage, of count: Int) async throws -> Double {
    let start = ContinuousClock.now
    let (page, total) = try await listing.page(of: storage, count)
    let time = start.duration(to: .now).inSeconds
    guard page.total == total, page.items.map(\.id.rawValue) == (1...10).map({ "run-\(count - $0)" }) else {
        throw BenchError("the page is wrong: \(page.items.count) runs, \(page.total) of \(total) in all")
    }
    return time
}
