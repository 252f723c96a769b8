// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPPostgres

@Suite("State machine of the queue of PostgreSQL commits")
struct CommitQueueStateMachineTests {
    typealias Limits = CommitQueueStateMachine.Limits

    private static let start = ContinuousClock.now

    /// A queue, to which each commit of 10 bytes is added one second after the one before, with a deadline 10 seconds
    /// later.
    private struct Queue {
        var machine: CommitQueueStateMachine

        init(inFlight: Int = 1, commits: Int = 3, bytes: Int = 100) {
            machine = CommitQueueStateMachine(
                Limits(batchesInFlight: inFlight, commits: commits, bytes: bytes))
        }

        /// Returns the commits that are sent at once.
        mutating func add(_ ids: [Int], byteCount: Int = 10) -> [Int] {
            ids.filter { machine.add($0, byteCount: byteCount, deadline: start + .seconds(10 + $0)) }
        }

        mutating func ended(_ first: Int) -> [[Int]] { machine.ended(first).batches }

        mutating func ended(_ first: Int, unsentAt seconds: Int) -> (batches: [[Int]], waitAgain: [Int]) {
            machine.ended(first, unsentAt: start + .seconds(seconds))
        }
    }

    @Test("A commit is sent at once, alone, while fewer batches are in flight than allowed", arguments: 1...4)
    func alone(inFlight: Int) {
        var queue = Queue(inFlight: inFlight)
        let sent = queue.add(Array(1...6))
        #expect(sent == Array(1...inFlight))
        #expect(queue.machine.waitingCount == 6 - inFlight)
    }

    @Test("A commit after the end of the last batch is sent at once again")
    func afterwards() {
        var queue = Queue()
        for id in 1...3 {
            #expect(queue.add([id]) == [id])
            #expect(queue.ended(id) == [])
        }
    }

    @Test(
        "Each batch that ends is followed by one of the commits that wait, within both limits",
        arguments: [
            (4, Limits(batchesInFlight: 1, commits: 3, bytes: 100), [[2, 3, 4]]),
            (9, Limits(batchesInFlight: 1, commits: 3, bytes: 100), [[2, 3, 4], [5, 6, 7], [8, 9]]),
            (9, Limits(batchesInFlight: 1, commits: 100, bytes: 100), [[2, 3, 4, 5, 6, 7, 8, 9]]),
            (9, Limits(batchesInFlight: 1, commits: 100, bytes: 59), [[2, 3, 4, 5, 6], [7, 8, 9]]),
            (4, Limits(batchesInFlight: 1, commits: 100, bytes: 9), [[2], [3], [4]]),
            (4, Limits(batchesInFlight: 1, commits: 1, bytes: 100), [[2], [3], [4]]),
        ])
    func batches(count: Int, limits: Limits, expected: [[Int]]) {
        var queue = Queue(commits: limits.commits, bytes: limits.bytes)
        #expect(queue.add(Array(1...count)) == [1])
        var batches: [[Int]] = []
        var last = 1
        while let next = queue.ended(last).first {
            batches.append(next)
            last = next[0]
        }
        #expect(batches == expected)
        #expect(queue.machine.waitingCount == 0)
    }

    @Test("Of several batches in flight, each is followed by the next one when it ends")
    func severalInFlight() {
        var queue = Queue(inFlight: 2, commits: 2)
        #expect(queue.add([1, 2, 3, 4, 5, 6, 7]) == [1, 2])
        #expect(queue.ended(2) == [[3, 4]])
        #expect(queue.ended(2) == [], "it has ended before")
        #expect(queue.ended(1) == [[5, 6]])
        #expect(queue.add([8]) == [])
        #expect(queue.ended(3) == [[7, 8]])
        #expect(queue.ended(5) == [])
        #expect(queue.add([9, 10]) == [9])
    }

    @Test("Commits whose deadlines have passed do not wait any more, and are in no batch")
    func deadlines() {
        var queue = Queue()
        #expect(queue.machine.nextDeadline == nil)
        _ = queue.add([1, 2, 3, 4])
        #expect(queue.machine.nextDeadline == Self.start + .seconds(12))
        let early = queue.machine.expire(at: Self.start + .seconds(11))
        #expect(early == [])
        let late = queue.machine.expire(at: Self.start + .seconds(13))
        #expect(late == [2, 3])
        #expect(queue.machine.nextDeadline == Self.start + .seconds(14))
        #expect(queue.ended(1) == [[4]])
        #expect(queue.machine.nextDeadline == nil)
    }

    @Test("Of a batch that got no connection, the commits whose deadlines have not passed go first in the next one")
    func unsent() {
        var queue = Queue()
        _ = queue.add([1, 2, 3, 4, 5])
        #expect(queue.ended(1) == [[2, 3, 4]])
        // The first commit's deadline is that of the batch.
        let (batches, waitAgain) = queue.ended(2, unsentAt: 13)
        #expect(waitAgain == [4])
        #expect(batches == [[4, 5]])
        #expect(queue.ended(4, unsentAt: 14).waitAgain == [5])
    }

    @Test("Closing fails the waiting commits, and batches in flight end")
    func close() {
        var queue = Queue(inFlight: 2)
        _ = queue.add([1, 2, 3, 4])
        let failed = queue.machine.close()
        #expect(failed == [3, 4])
        #expect(queue.machine.close() == [])
        #expect(queue.add([5]) == [5], "the pool refuses it")
        #expect(queue.ended(1) == [])
        let (batches, waitAgain) = queue.ended(2, unsentAt: 0)
        #expect(batches == [] && waitAgain == [])
    }

    @Test(
        "A few batches are in flight, and at least half of the connections remain for other calls",
        arguments: [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (8, 4), (10, 4), (100, 4)])
    func limits(connections: Int, inFlight: Int) {
        #expect(CommitQueue.limits(connections: connections).batchesInFlight == inFlight)
    }
}
