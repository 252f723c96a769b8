// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Measures one page of the listing of an agent's runs, by the number of runs.
func measureListing(in bench: BenchSession) async throws -> Section {
    let few = 1_000
    let counts = bench.pick([100_000, 1_000_000], quick: [20_000])
    var section = Section("Listing")
    section.note(
        """
        The newest ten runs of an agent and their exact total, by the number of runs: half of the calls to the \
        storage return within the time in the table. The ratios compare with a storage of \(few) runs that was \
        measured in turns with the large one.
        """)
    var table = Table(
        ["storage", "\(Figure.whole(Double(few))) runs"]
            + counts.flatMap { ["\(Figure.whole(Double($0))) runs", "ratio"] })
    for kind in StorageKind.allCases {
        let backings = [
            try await Backing.start(kind, in: bench.folder), try await Backing.start(kind, in: bench.folder),
        ]
        defer { backings.forEach { $0.stop() } }
        let small = try await Filler(backings[0], most: few)
        let large = try await Filler(backings[1], most: counts.last ?? 0)
        try await small.fill(upTo: few)
        var first = Series()
        var cells: [String] = []
        for count in counts {
            bench.progress("listing, \(kind.title): filling up to \(Figure.whole(Double(count))) runs")
            try await large.fill(upTo: count)
            var times = (few: Series(), many: Series())
            for call in 0..<600 {
                let quick = try await page(on: small.storage, of: few)
                let slow = try await page(on: large.storage, of: count)
                // The first hundred warm up.
                guard call >= 100 else { continue }
                times.few.add(quick)
                times.many.add(slow)
                first.add(quick)
            }
            let ratio = times.many.median / times.few.median
            bench.progress(
                "listing, \(kind.title), \(Figure.whole(Double(count))) runs: \(Figure.time(times.many.median)), "
                    + "\(Figure.ratio(ratio)) times that of \(few)")
            cells += [Figure.time(times.many.median), Figure.ratio(ratio)]
            guard count == counts.last else { continue }
            section.aim(
                "page of runs at \(Figure.whole(Double(count))) against \(Figure.whole(Double(few))), \(kind.title)",
                "no more than 2 times", measured: Figure.ratio(ratio), isReached: ratio <= 2)
        }
        try await small.storage.close()
        try await large.storage.close()
        table.add([kind.title, Figure.time(first.median)] + cells)
    }
    section.add(table)
    return section
}

/// Returns the time of a page, in seconds.
private func page(on storage: any Storage, of count: Int) async throws -> Double {
    let start = ContinuousClock.now
    let page = try await storage.runs(RunQuery(.agent(Filler.agent), limit: 10))
    let time = start.duration(to: .now).inSeconds
    guard page.total == count, page.items.map(\.id.rawValue) == (1...10).map({ "run-\(count - $0)" }) else {
        throw BenchError("the page is wrong: \(page.items.count) runs, \(page.total) of \(count) in all")
    }
    return time
}
