// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import BenchSupport
import Foundation

/// One page of the listing of an agent's runs, as runs become many.
func measureListing(in sitting: Sitting) async throws -> Section {
    let counts = sitting.pick([1_000, 100_000, 1_000_000], quick: [1_000, 20_000])
    var section = Section("Listing")
    section.note(
        """
        The newest ten runs of an agent and their exact total, out of so many runs: half of the calls to the storage are \
        answered within the time in the table.
        """)
    var table = Table(["storage"] + counts.map { "\(Figure.whole(Double($0))) runs" } + ["last against first"])
    for storage in StorageKind.allCases {
        let backing = try await Backing.start(storage, in: sitting.folder)
        defer { backing.stop() }
        let filler = try await Filler(backing, most: counts.last ?? 0)
        var times: [Double] = []
        for count in counts {
            try await filler.fill(upTo: count)
            let time = try await page(on: filler.storage, of: count)
            sitting.progress("listing, \(storage.title), \(Figure.whole(Double(count))) runs: \(Figure.time(time))")
            times.append(time)
        }
        try await filler.storage.close()
        let ratio = (times.last ?? .nan) / (times.first ?? .nan)
        table.add([storage.title] + times.map(Figure.time) + [Figure.ratio(ratio)])
        section.aim(
            "page of runs at \(Figure.whole(Double(counts.last ?? 0))) against 1,000, \(storage.title)",
            "no more than 2 times", measured: Figure.ratio(ratio), isReached: ratio <= 2)
    }
    section.add(table)
    return section
}

/// The median time of a page, in seconds.
private func page(on storage: any Storage, of count: Int) async throws -> Double {
    var series = Series()
    for call in 0..<600 {
        let start = ContinuousClock.now
        let page = try await storage.runs(RunQuery(.agent(Filler.agent), limit: 10))
        // The first hundred warm up.
        if call >= 100 { series.add(start.duration(to: .now).inSeconds) }
        guard page.total == count, page.items.map(\.id.rawValue) == (1...10).map({ "run-\(count - $0)" }) else {
            throw BenchError("the page is wrong: \(page.items.count) runs, \(page.total) of \(count) in all")
        }
    }
    return series.median
}
