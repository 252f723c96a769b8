// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization
import Testing

@testable import ACPRedis
@testable import Redis

@Suite("Storage errors for errors of the Redis client")
struct ErrorTests {
    /// Fails each call with the next error.
    final class FailingClient: RedisStorageClient {
        private let errors: Mutex<[RedisError]>
        let asked = Mutex<[Bool]>([])

        init(_ errors: [RedisError]) { self.errors = Mutex(errors) }

        func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
            asked.withLock { $0.append(requests.allSatisfy(\.isIdempotent)) }
            throw errors.withLock { $0.removeFirst() }
        }

        func events(on channel: String) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable
        {
            throw errors.withLock { $0.removeFirst() }
        }
    }

    static let lost = RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true)

    private func error(
        _ errors: [RedisError], _ call: (RedisStorage) async throws -> Void
    ) async throws -> (code: StorageError.Code?, asked: [Bool]) {
        let client = FailingClient(errors)
        let storage = try RedisStorage(client: client)
        let error = await storageError { try await call(storage) }
        #expect(error?.cause is RedisError)
        return (error?.code, client.asked.withLock { $0 })
    }

    /// Returns the error of a client after the reply to a first attempt was lost and a second one failed.
    private static func inDoubt(_ code: RedisError.Code, reply: String? = nil) -> RedisError {
        let error = reply.map { RedisError(reply: RESPError($0)) } ?? RedisError(code, "it failed")
        return error.markingInDoubt(true)
    }

    @Test("A commit whose reply was lost and whose repetition cannot connect has an unknown outcome")
    func staysInDoubt() async throws {
        let run = Run(agentName: agent)
        let commit = RunCommit(
            run: run.id, expecting: 0, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 1), owner: RunOwner(process: ProcessID()))
        let found = try await error([Self.inDoubt(.connectFailed)]) { try await $0.commit(commit) }
        #expect(found.code == .outcomeUnknown)
        // The client repeats the command, and the storage does not.
        #expect(found.asked == [true])
    }

    @Test("A commit whose reply was lost and whose repetition is refused has an unknown outcome, whatever the reason")
    func refusedTheSecondTime() async throws {
        for code in [RedisError.Code.readOnly, .outOfMemory, .permissionDenied] {
            let found = try await error([Self.inDoubt(code)]) {
                try await $0.append([block("one")], to: SessionID())
            }
            #expect(found.code == .outcomeUnknown)
        }
        for reply in [
            "READONLY replica", "OOM full", "NOPERM no", "NOREPLICAS few", "ERR script: 0123, on @user_script:1.",
        ] {
            let found = try await error([Self.inDoubt(.serverError, reply: reply)]) {
                try await $0.append([block("one")], to: SessionID())
            }
            #expect(found.code == .outcomeUnknown, "\(reply)")
        }
    }

    @Test("A script that fails in the middle has an unknown outcome if it writes")
    func failsInTheMiddle() async throws {
        let reply = RESPError("ERR something in the middle script: 0123456789abcdef, on @user_script:12.")
        let failure = RedisError(reply: reply)
        let writing = try await error([failure]) { try await $0.append([block("one")], to: SessionID()) }
        #expect(writing.code == .outcomeUnknown)
        let reading = try await error([failure]) { _ = try await $0.record(of: RunID()) }
        #expect(reading.code == .refused)
    }

    @Test("A command that may not be repeated is sent once")
    func sentOnce() async throws {
        let saving = try await error([Self.lost]) { try await $0.save(SessionRecord(id: "s"), expecting: 1) }
        #expect(saving.code == .outcomeUnknown)
        #expect(saving.asked == [false])
        let sending = try await error([Self.lost]) {
            try await $0.coordination.send(.cancel, to: RunID())
        }
        #expect(sending.code == .outcomeUnknown)
        #expect(sending.asked == [false])
    }

    @Test("A read whose reply was lost leaves nothing in doubt, and the client may repeat it")
    func lostRead() async throws {
        let found = try await error([Self.lost]) { _ = try await $0.eventCount(of: RunID()) }
        #expect(found.code == .cannotConnect)
        #expect(found.asked == [true])
    }

    @Test(
        "Each code of the client has a code of the storage",
        arguments: [
            (RedisError.Code.connectFailed, StorageError.Code.cannotConnect), (.poolExhausted, .cannotConnect),
            (.neverSent, .cannotConnect), (.loading, .cannotConnect), (.timedOut, .timedOut), (.cancelled, .timedOut),
            (.closed, .closed), (.authenticationFailed, .refused), (.permissionDenied, .refused),
            (.readOnly, .refused), (.outOfMemory, .full), (.serverError, .refused),
            (.unexpectedReply, .corruptData),
        ])
    func codes(_ code: RedisError.Code, _ expected: StorageError.Code) async throws {
        let failure = RedisError(code, "it failed")
        let found = try await error([failure]) { _ = try await $0.save(SessionRecord(id: "s"), expecting: 1) }
        #expect(found.code == expected)
    }
}
