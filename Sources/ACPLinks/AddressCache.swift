// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Caches the addresses of hosts, so that reading a long history does not look them up for every message.
final class AddressCache: Sendable {
    private let resolver: any HostResolver
    private let lifetime: Duration
    private let limit = 256
    private let entries = Mutex<[String: (addresses: [IPAddress], expiry: ContinuousClock.Instant)]>([:])

    init(resolver: any HostResolver, lifetime: Duration = .seconds(30)) {
        self.resolver = resolver
        self.lifetime = lifetime
    }

    /// Returns the addresses of a URL's host. They are not checked.
    func addresses(of host: LinkURL.Host) async throws -> [IPAddress] {
        let name: String
        switch host {
        case .address(let address): return [address]
        case .name(let text): name = text
        }
        let known = entries.withLock { $0[name] }
        if let known, .now < known.expiry { return known.addresses }
        let addresses = try await resolver.addresses(of: name)
        entries.withLock { entries in
            if entries.count >= limit { entries = entries.filter { .now < $0.value.expiry } }
            if entries.count >= limit { entries = [:] }
            entries[name] = (addresses, .now + lifetime)
        }
        return addresses
    }
}
