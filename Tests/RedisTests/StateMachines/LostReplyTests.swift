// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Redis

@Suite("Lost replies")
struct LostReplyTests {
    private static let lost = RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true)

    @Test(
        "A later attempt that cannot be sent leaves the first one in doubt",
        arguments: [RedisError.Code.connectFailed, .timedOut, .closed, .neverSent, .cancelled, .poolExhausted])
    func notSent(_ code: RedisError.Code) {
        let error = RedisError(code, "No way.").markingInDoubt(true)
        #expect(error.code == code && error.mayHaveExecuted)
        #expect(error.message.contains("lost"))
        #expect(RedisError(code, "No way.").markingInDoubt(false).mayHaveExecuted == false)
    }

    @Test(
        "A later attempt that the server refuses leaves the first one in doubt and keeps the reply",
        arguments: ["ERR wrong", "READONLY replica", "OOM full", "NOPERM no", "MOVED 1 127.0.0.1:1", "NOSCRIPT none"])
    func refused(_ text: String) {
        let reply = RedisError(reply: RESPError(text))
        let error = reply.markingInDoubt(true)
        #expect(error.mayHaveExecuted)
        #expect(error.code == reply.code)
        #expect(error.serverReply?.prefix == reply.serverReply?.prefix)
        #expect(reply.markingInDoubt(false).mayHaveExecuted == false)
    }

    @Test("An in-doubt request stays in doubt, whatever the result of later attempts")
    func lasts() {
        var state = AttemptState(isIdempotent: true, limit: .seconds(5))
        #expect(!state.isInDoubt)
        #expect(!state.noteFailure(RedisError(.connectFailed, "no")).mayHaveExecuted)
        #expect(state.noteFailure(Self.lost).mayHaveExecuted)
        for failure in [
            RedisError(reply: RESPError("LOADING")), .neverSent, RedisError(reply: RESPError("ERR wrong")),
            .clientClosed,
            RedisError(.connectFailed, "no"),
        ] {
            let noted = state.noteFailure(failure)
            #expect(noted.mayHaveExecuted && noted.code == failure.code)
            #expect(state.isInDoubt)
        }
    }

    @Test("The replies of a pipeline before the first lost one or missing script are final")
    func pipeline() {
        let good = Result<RESPValue, RedisError>.success(.integer(1))
        let refused = Result<RESPValue, RedisError>.failure(RedisError(reply: RESPError("ERR wrong")))
        let lacking = Result<RESPValue, RedisError>.failure(RedisError(reply: RESPError("NOSCRIPT none")))
        let lost = Result<RESPValue, RedisError>.failure(Self.lost)
        let table: [([Result<RESPValue, RedisError>], Int)] = [
            ([], 0), ([good, refused], 2), ([good, lost, lost], 1), ([lost], 0), ([good, lacking, good, lost], 1),
            ([refused, good, lost], 2),
        ]
        for (results, count) in table { #expect(PipelineRecovery.finalCount(results) == count) }
    }
}
