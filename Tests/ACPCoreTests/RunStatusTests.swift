// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Run status")
struct RunStatusTests {
    /// The whole table, repeated.
    static let allowed: Set<[RunStatus]> = [
        [.created, .inProgress], [.created, .cancelling], [.created, .cancelled], [.created, .failed],
        [.inProgress, .awaiting], [.inProgress, .cancelling], [.inProgress, .cancelled], [.inProgress, .completed],
        [.inProgress, .failed],
        [.awaiting, .inProgress], [.awaiting, .cancelling], [.awaiting, .cancelled], [.awaiting, .failed],
        [.cancelling, .cancelled],
    ]

    @Test(
        "A run changes its status only as the table allows", arguments: RunStatus.allCases,
        RunStatus.allCases)
    func transitions(from: RunStatus, to: RunStatus) {
        #expect(from.canBecome(to) == RunStatusTests.allowed.contains([from, to]))
        #expect(from.successors.contains(to) == from.canBecome(to))
    }

    @Test("A terminal status never changes, and no status follows itself", arguments: RunStatus.allCases)
    func terminal(status: RunStatus) {
        #expect(status.isTerminal == status.successors.isEmpty)
        #expect(!status.canBecome(status))
    }

    @Test("A run can end from every status that is not terminal", arguments: RunStatus.allCases)
    func canEnd(status: RunStatus) {
        var reachable: Set = [status]
        for _ in RunStatus.allCases { reachable.formUnion(reachable.flatMap(\.successors)) }
        #expect(reachable.contains { $0.isTerminal })
    }

    @Test("Completed, failed and cancelled runs are terminal; awaiting runs are settled as well")
    func kinds() {
        #expect(RunStatus.allCases.filter(\.isTerminal) == [.cancelled, .completed, .failed])
        #expect(RunStatus.allCases.filter(\.isSettled) == [.awaiting, .cancelled, .completed, .failed])
    }

    @Test("Each status is written in the form of the specification")
    func names() throws {
        #expect(
            try encode(RunStatus.allCases)
                == #"["created","in-progress","awaiting","cancelling","cancelled","completed","failed"]"#)
        #expect(try roundTrip(RunStatus.allCases) == RunStatus.allCases)
    }

    @Test("Unknown names are rejected", arguments: ["", "Created", "in_progress", "inProgress", "canceled", "done"])
    func refused(name: String) {
        #expect(refusal([RunStatus].self, #"["\#(name)"]"#)?.message.hasPrefix("[0]: ") == true)
    }
}
