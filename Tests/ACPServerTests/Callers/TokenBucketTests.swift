// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import NIOCore
import Testing

@testable import ACPServer

@Suite("Token buckets of callers")
struct TokenBucketTests {
    private let start = ContinuousClock.now

    @Test("A burst is accepted at once, then one request whenever a token was added")
    func burst() {
        var bucket = TokenBucket(burst: 3, at: start)
        #expect((0..<3).allSatisfy { _ in bucket.take(rate: 2, burst: 3, at: start) == nil })
        #expect(bucket.take(rate: 2, burst: 3, at: start) == .milliseconds(500))
        #expect(bucket.take(rate: 2, burst: 3, at: start + .milliseconds(250)) == .milliseconds(250))
        #expect(bucket.take(rate: 2, burst: 3, at: start + .milliseconds(500)) == nil)
        #expect(bucket.take(rate: 2, burst: 3, at: start + .milliseconds(500)) == .milliseconds(500))
        // Not more than the burst is saved up, however long nothing was sent.
        let later = start + .seconds(86_400)
        #expect((0..<3).allSatisfy { _ in bucket.take(rate: 2, burst: 3, at: later) == nil })
        #expect(bucket.take(rate: 2, burst: 3, at: later) != nil)
    }

    @Test("A time before the last one neither adds tokens nor removes any")
    func clockOfOtherThreads() {
        var bucket = TokenBucket(burst: 2, at: start)
        #expect(bucket.take(rate: 1, burst: 2, at: start + .seconds(1)) == nil)
        #expect(bucket.take(rate: 1, burst: 2, at: start) == nil)
        #expect(bucket.take(rate: 1, burst: 2, at: start) == .seconds(1))
    }

    @Test("In the long run, as many requests are accepted as the rate allows", arguments: [0.5, 1, 7, 250])
    func rate(_ rate: Double) {
        var bucket = TokenBucket(burst: 5, at: start)
        var accepted = 0
        for step in 0..<100_000 where bucket.take(rate: rate, burst: 5, at: start + .milliseconds(step)) == nil {
            accepted += 1
        }
        #expect(abs(Double(accepted) - (5 + rate * 100)) <= 1.5, "\(accepted)")
    }

    @Test("Callers have buckets of their own, and the number of buckets is bounded")
    func bounded() {
        var buckets = TokenBuckets<Int>(rate: 1, burst: 1, maximum: 100)
        for id in 0..<10_000 {
            #expect(buckets.take(id, at: start) == nil)
            #expect(
                buckets.take(-1, at: start) == (id == 0 ? nil : .seconds(1)), "one that keeps sending is not forgotten")
            #expect(buckets.count <= 101)
        }
        #expect(buckets.take(9_999, at: start) == .seconds(1))
        #expect(buckets.take(0, at: start) == nil, "one that has sent nothing for long is forgotten")
    }

    @Test("Streams are counted per caller until they are closed or deallocated")
    func streams() throws {
        let limiter = CallerLimiter(CallerLimits(maximumStreams: 2))
        let one = Caller.address([1, 2, 3, 4])
        let other = Caller.address([1, 2, 3, 5])
        let first = try #require(limiter.open(one))
        var second = limiter.open(one)
        #expect(second != nil && limiter.open(one) == nil && !limiter.hasRoom(one) && limiter.hasRoom(other))
        #expect(limiter.open(other) != nil, "and closed again at once, since nothing keeps it")
        #expect(limiter.streamingCallers == 1)
        first.close()
        first.close()
        #expect(limiter.hasRoom(one))
        second = nil
        #expect(limiter.streamingCallers == 0 && second == nil)
    }

    private static func fields(_ fields: [(String, String)]) throws -> HTTPFields {
        var result = HTTPFields()
        for (name, value) in fields { result.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value)) }
        return result
    }

    @Test(
        "A caller without a credential is its address, as the trusted proxies report it",
        arguments: [
            ("192.0.2.1", [], "192.0.2.1"), ("::ffff:192.0.2.1", [], "192.0.2.1"),
            // Only of trusted proxies.
            ("192.0.2.1", [("X-Forwarded-For", "198.51.100.7")], "192.0.2.1"),
            ("10.0.0.1", [("X-Forwarded-For", "198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", [], "10.0.0.1"), ("10.0.0.1", [("X-Forwarded-For", "nonsense")], "10.0.0.1"),
            // What the client itself has sent comes first, and does not count.
            ("10.0.0.1", [("X-Forwarded-For", "203.0.113.9, 198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", [("X-Forwarded-For", "203.0.113.9, 198.51.100.7, 10.0.0.2")], "198.51.100.7"),
            ("10.0.0.1", [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", [("X-Forwarded-For", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            ("10.0.0.1", [("X-Forwarded-For", "198.51.100.7:4711")], "198.51.100.7"),
            ("10.0.0.1", [("Forwarded", "for=203.0.113.9, for=\"198.51.100.7:80\";proto=https")], "198.51.100.7"),
            ("10.0.0.1", [("Forwarded", "for=\"[2001:db8:1:2::7]:80\"")], "2001:db8:1:2::"),
            ("10.0.0.1", [("Forwarded", "for=unknown")], "10.0.0.1"),
        ] as [(String, [(String, String)], String)])
    func addresses(address: String, fields: [(String, String)], expected: String) throws {
        let caller = Caller(
            address: try SocketAddress(ipAddress: address, port: 1), fields: try Self.fields(fields),
            proxies: try TrustedProxies(["10.0.0.0/8"]))
        let wanted = Caller(address: try SocketAddress(ipAddress: expected, port: 2), fields: [:], proxies: nil)
        #expect(caller == wanted)
        let untrusted = Caller(
            address: try SocketAddress(ipAddress: address, port: 1), fields: try Self.fields(fields), proxies: nil)
        #expect(
            untrusted == Caller(address: try SocketAddress(ipAddress: address, port: 2), fields: [:], proxies: nil))
    }

    @Test("Addresses of one IPv6 network are one caller, and a proxy that is always trusted reports the address")
    func networks() throws {
        func caller(_ address: String, _ forwarded: String? = nil) throws -> Caller {
            Caller(
                address: try SocketAddress(ipAddress: address, port: 1),
                fields: try Self.fields(forwarded.map { [("X-Forwarded-For", $0)] } ?? []), proxies: .all)
        }
        #expect(try caller("2001:db8:1:2::1") == caller("2001:db8:1:2:ffff::9"))
        #expect(try caller("2001:db8:1:2::1") != caller("2001:db8:1:3::1"))
        #expect(try caller("10.0.0.1", "203.0.113.9, 198.51.100.7") == caller("198.51.100.7"))
        #expect(Caller(address: nil, fields: [:], proxies: nil) == .unknown)
    }

    @Test("Limits that are not valid are named")
    func invalid() {
        for (limits, name) in [
            (CallerLimits(requestsPerSecond: 0), "requestsPerSecond"),
            (CallerLimits(requestsPerSecond: .nan), "requestsPerSecond"),
            (CallerLimits(requestsPerSecond: .infinity), "requestsPerSecond"),
            (CallerLimits(requestBurst: 0), "requestBurst"), (CallerLimits(maximumStreams: 0), "maximumStreams"),
            (CallerLimits(maximumStreamBytes: -1), "maximumStreamBytes"),
            (CallerLimits(maximumCallers: 0), "maximumCallers"),
        ] {
            let error = #expect(throws: ServerError.self) { try ServerConfiguration(callers: limits).validate() }
            #expect(error?.code == .invalidConfiguration && error?.message.contains("callers.\(name)") == true)
        }
    }
}
