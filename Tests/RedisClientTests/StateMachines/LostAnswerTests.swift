// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RedisClient

@Suite("An answer that was lost")
struct LostAnswerTests {
    @Test(
        "is remembered when a later attempt cannot be sent",
        arguments: [RedisError.Code.connectFailed, .timedOut, .closed])
    func remembered(_ code: RedisError.Code) {
        let error = RedisError(code, "No way.").remembering(lostAnswer: true)
        #expect(error.code == code && error.mayHaveExecuted)
        #expect(error.message.contains("lost"))
        #expect(RedisError(code, "No way.").remembering(lostAnswer: false).mayHaveExecuted == false)
    }

    @Test("is settled when the server has answered since")
    func settled() {
        let reply = RedisError.ServerReply(error: RESPError("ERR wrong"))
        let error = RedisError(.serverError, "ERR wrong", cause: reply).remembering(lostAnswer: true)
        #expect(error.mayHaveExecuted == false)
    }
}
