// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Redis

@Suite("A reply that was lost")
struct LostReplyTests {
    private static let lost = RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true)

    @Test(
        "A later attempt that cannot be sent leaves the first one in doubt",
        arguments: [RedisError.Code.connectFailed, .timedOut, .closed, .neverSent, .cancelled, .poolExhausted])
    func notSent(_ code: RedisError.Code) {
        let error = RedisError(code, "No way.").keepingDoubt(true)
        #expect(error.code == code && error.mayHaveExecuted)
        #expect(error.message.contains("lost"))
        #expect(RedisError(code, "No way.").keepingDoubt(false).mayHaveExecuted == false)
    }

    @Test(
        "A later attempt that the server refuses leaves the first one in doubt, and keeps the reply",
        arguments: ["ERR wrong", "READONLY replica", "OOM full", "NOPERM no", "MOVED 1 127.0.0.1:1", "NOSCRIPT none"])
    func refused(_ text: String) {
        let reply = RedisError(reply: RESPError(text))
        let error = reply.keepingDoubt(true)
        #expect(error.mayHaveExecuted)
        #expect(error.code == reply.code)
        #expect(error.serverReply?.prefix == reply.serverReply?.prefix)
        #expect(reply.keepingDoubt(false).mayHaveExecuted == false)
    }

    @Test("Doubt lasts through all attempts that follow, whatever they come to")
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

    @Test("Of a pipeline, the replies before the first lost one, or the first missing script, are final")
    func pipeline() {
        let good = Result<RESPValue, RedisError>.success(.integer(1))
        let refused = Result<RESPValue, RedisError>.failure(RedisError(reply: RESPError("ERR wrong")))
        let lacking = Result<RESPValue, RedisError>.failure(RedisError(reply: RESPError("NOSCRIPT none")))
        let lost = Result<RESPValue, RedisError>.failure(Self.lost)
        let table: [([Result<RESPValue, RedisError>], Int)] = [
            ([], 0), ([good, refused], 2), ([good, lost, lost], 1), ([lost], 0), ([good, lacking, good, lost], 1),
            ([refused, good, lost], 2),
        ]
        for (results, count) in table { #expect(PipelineScripts.finalCount(results) == count) }
    }
}
