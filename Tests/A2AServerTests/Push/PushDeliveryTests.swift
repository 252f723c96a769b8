// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPServer
import Testing

@testable import A2AServer

@Suite("Attempts to deliver a push notification, without a network")
struct PushDeliveryTests {
    private static let configuration = PushConfiguration(
        maximumAttempts: 4, firstRetryDelay: .seconds(2), maximumRetryDelay: .seconds(5))

    static let outcomes: [(PushDelivery.Outcome, PushDelivery.Action)] =
        [200, 201, 202, 204, 299].map { (.responded(status: $0), .acknowledged) }
        + [408, 425, 429, 500, 502, 503, 504, 599].map { (.responded(status: $0), .retry(after: .seconds(2))) }
        + [400, 401, 403, 404, 405, 413, 415, 422, 451].map {
            (.responded(status: $0), .giveUp(reason: "its receiver has responded with \($0)"))
        }
        + [300, 301, 302, 303, 307, 308].map {
            (.responded(status: $0), .giveUp(reason: "its receiver redirects, which is not followed"))
        }
        + [
            (.responded(status: 410), .stop(reason: "its receiver is gone (410)")),
            (.failed(.refused), .stop(reason: "the server does not post to its address")),
            (.failed(.invalidURL), .stop(reason: "its URL is not valid")),
            (.failed(.cannotConnect), .retry(after: .seconds(2))),
            (.failed(.timedOut), .retry(after: .seconds(2))),
            (.failed(.badResponse), .retry(after: .seconds(2))),
            (.failed(.overloaded), .retry(after: .seconds(2))),
            (.responded(status: 503, retryAfter: .seconds(1)), .retry(after: .seconds(2))),
            (.responded(status: 503, retryAfter: .seconds(30)), .retry(after: .seconds(30))),
            (.responded(status: 429, retryAfter: .seconds(86_400)), .retry(after: .seconds(3_600))),
            (.responded(status: 404, retryAfter: .seconds(1)), .giveUp(reason: "its receiver has responded with 404")),
        ]

    @Test("What follows the first attempt depends on its outcome", arguments: outcomes)
    func first(outcome: PushDelivery.Outcome, action: PushDelivery.Action) {
        var delivery = PushDelivery(Self.configuration)
        #expect(delivery.attemptDidEnd(outcome, jitter: 0) == action)
    }

    @Test("Pauses double up to the limit, and after the last attempt the delivery has failed")
    func pauses() {
        var delivery = PushDelivery(Self.configuration)
        let actions = (0..<4).map { _ in delivery.attemptDidEnd(.responded(status: 500), jitter: 0) }
        #expect(
            actions == [
                .retry(after: .seconds(2)), .retry(after: .seconds(4)), .retry(after: .seconds(5)),
                .fail(reason: "its receiver has responded with 500, 4 times"),
            ])
    }

    @Test(
        "A random part shortens pauses by up to a half",
        arguments: [(0.0, 2_000), (0.5, 1_500), (1.0, 1_000), (7.0, 1_000)])
    func jitter(jitter: Double, milliseconds: Int) {
        var delivery = PushDelivery(Self.configuration)
        #expect(
            delivery.attemptDidEnd(.failed(.timedOut), jitter: jitter) == .retry(after: .milliseconds(milliseconds)))
    }

    @Test("Success counts in any attempt")
    func laterSuccess() {
        var delivery = PushDelivery(Self.configuration)
        _ = delivery.attemptDidEnd(.failed(.cannotConnect), jitter: 0)
        _ = delivery.attemptDidEnd(.responded(status: 503), jitter: 0)
        #expect(delivery.attemptDidEnd(.responded(status: 204), jitter: 0) == .acknowledged)
        #expect(delivery.attempts == 3)
    }

    @Test(
        "Retry-After is a number of seconds or a date",
        arguments: [
            ("0", 0), ("120", 120), (" 5", 5), ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
            ("Sun, 06 Nov 1994 08:48:00 GMT", 0),
            ("Thu, 29 Feb 1996 00:00:00 GMT", 41_440_260), ("-1", nil), ("", nil), ("soon", nil), ("1.5", nil),
            ("9999999999", nil), ("Sun, 06 Now 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:37", nil),
        ] as [(String, Int?)])
    func retryAfter(text: String, seconds: Int?) {
        // 1994-11-06T08:49:00Z
        let now = Timestamp(microseconds: 784_111_740 * 1_000_000)
        #expect(RetryAfter.pause(text, now: now) == seconds.map { .seconds($0) })
    }

    @Test("Progress is read as it was written, and counts elements of events")
    func progress() {
        var progress = PushProgress(start: 7)
        #expect(PushProgress(nil, start: 7) == progress && PushProgress([:], start: 7) == progress)
        progress.advance(isLast: false)
        progress.failures = 2
        #expect((progress.events, progress.elements) == (7, 1))
        #expect(PushProgress(progress.json, start: 0) == progress)
        progress.advance(isLast: true)
        progress.isStopped = true
        #expect((progress.events, progress.elements) == (8, 0))
        #expect(PushProgress(progress.json, start: 0) == progress)
    }

    @Test("A configuration out of range is refused")
    func validation() {
        #expect(throws: Never.self) { try PushConfiguration().validate() }
        for invalid in [
            PushConfiguration(maximumAttempts: 0), PushConfiguration(maximumFailedEvents: 0),
            PushConfiguration(maximumConfigurations: 0), PushConfiguration(timeout: .zero),
            PushConfiguration(connectTimeout: .zero), PushConfiguration(firstRetryDelay: .zero),
            PushConfiguration(firstRetryDelay: .seconds(2), maximumRetryDelay: .seconds(1)),
        ] {
            #expect(throws: RunEngineError.self) { try invalid.validate() }
        }
    }
}
