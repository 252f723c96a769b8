// SPDX-License-Identifier: Apache-2.0

import ACPServer
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

extension JWTKeys {
    /// The largest size of a set of keys.
    private static let maximumBytes = 1_048_576
    private static let timeout = TimeAmount.seconds(5)

    /// Returns the function that loads the keys.
    func loader() -> @Sendable () async throws -> [UInt8] {
        switch source {
        case .bytes(let json): return { json }
        case .custom(let load): return load
        case .file(let path):
            let known = Mutex<(stamp: FileStamp, json: [UInt8])?>(nil)
            return {
                // Before the file is read, so that a change meanwhile is noticed.
                let stamp = FileStamp(path)
                if let known = known.withLock(\.self), known.stamp == stamp { return known.json }
                let json = try Self.read(path)
                known.withLock { $0 = (stamp, json) }
                return json
            }
        case .url(let url): return { try await fetch(url) }
        }
    }

    private func fetch(_ url: String) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept", value: "application/jwk-set+json, application/json")
        request.headers.add(name: "User-Agent", value: "SimpleACP")
        let response = try await HTTPClient.shared.execute(request, timeout: Self.timeout)
        guard response.status == .ok else {
            throw KeySetFault(reason: "the server of the keys has responded with \(response.status.code)")
        }
        // A redirect must not lead to what everybody on the network can change.
        guard response.url.map(isSchemeAllowed) ?? true else {
            throw KeySetFault(reason: "the server of the keys redirects to a URL that does not begin with https://")
        }
        return Array(try await response.body.collect(upTo: Self.maximumBytes).readableBytesView)
    }
}
