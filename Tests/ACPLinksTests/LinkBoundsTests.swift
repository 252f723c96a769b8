// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPLinks

@Suite("The cache and the load limiter of links")
struct LinkBoundsTests {
    private let start = ContinuousClock.now

    private func resource(_ size: Int) -> LoadedResource {
        LoadedResource(bytes: [UInt8](repeating: 7, count: size), contentType: "text/plain")
    }

    @Test("The least recently used entry is evicted if there are too many")
    func entryLimit() {
        var cache = LinkCache(byteLimit: 1_000_000, entryLimit: 3)
        func find(_ key: String, _ now: ContinuousClock.Instant) -> LoadedResource? {
            cache.resource(for: key, now: now)
        }
        for key in ["a", "b", "c"] { cache.keep(resource(1), for: key, until: start + .seconds(10)) }
        #expect(find("a", start) != nil)
        cache.keep(resource(1), for: "d", until: start + .seconds(10))
        #expect(find("b", start) == nil)
        for key in ["a", "c", "d"] { #expect(find(key, start) == resource(1)) }
    }

    @Test("The cached bytes never exceed their limit, and a resource that exceeds it is not cached")
    func byteLimit() {
        var cache = LinkCache(byteLimit: 10_000, entryLimit: 1_000_000)
        func find(_ key: String, _ now: ContinuousClock.Instant) -> LoadedResource? {
            cache.resource(for: key, now: now)
        }
        for number in 0..<2_000 {
            cache.keep(resource(number % 3_000), for: "\(number)", until: start + .seconds(10))
            _ = find("\(number / 2)", start)
            #expect(cache.bytes <= 10_000)
        }
        #expect(cache.count > 0)
        let before = cache.count
        cache.keep(resource(10_000), for: "large", until: start + .seconds(10))
        #expect(cache.count == before && find("large", start) == nil)
    }

    @Test("An expired entry is not returned, and a newer one replaces it")
    func expiry() {
        var cache = LinkCache(byteLimit: 10_000, entryLimit: 10)
        func find(_ key: String, _ now: ContinuousClock.Instant) -> LoadedResource? {
            cache.resource(for: key, now: now)
        }
        cache.keep(resource(1), for: "a", until: start + .seconds(10))
        #expect(find("a", start + .seconds(9)) == resource(1))
        #expect(find("a", start + .seconds(10)) == nil)
        #expect(cache.bytes == 0)
        cache.keep(resource(2), for: "a", until: start + .seconds(20))
        cache.keep(resource(3), for: "a", until: start + .seconds(20))
        #expect(find("a", start) == resource(3) && cache.count == 1)
    }

    @Test("A cache without a byte limit stores nothing")
    func none() {
        var cache = LinkCache(byteLimit: 0, entryLimit: 10)
        cache.keep(resource(0), for: "a", until: start + .seconds(10))
        #expect(cache.count == 0)
    }

    @Test("A slow host does not delay others, and its loads follow in order")
    func limiter() {
        var limiter = LoadLimiter(limit: 3, hostLimit: 2)
        func acquire(_ id: Int, _ host: String) -> Bool { limiter.acquire(id, host: host) }
        func release(_ host: String) -> [Int] { limiter.release(host: host) }
        func cancel(_ id: Int) -> Bool { limiter.cancel(id) }
        #expect(acquire(1, "slow"))
        #expect(acquire(2, "slow"))
        #expect(!acquire(3, "slow"))
        #expect(!acquire(4, "slow"))
        #expect(acquire(5, "quick"))
        #expect(!acquire(6, "quick"))
        #expect(release("quick") == [6])
        #expect(release("slow") == [3])
        #expect(limiter.waiting == 1)
        #expect(cancel(4))
        #expect(!cancel(4))
        #expect(!cancel(3))
        #expect(release("slow").isEmpty)
        #expect(release("slow").isEmpty)
        #expect(release("quick").isEmpty)
        #expect(limiter.running == 0 && limiter.waiting == 0)
    }
}
