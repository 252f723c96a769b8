// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Crypto
import Foundation

@testable import ACPServer

/// Checks signatures of URLs. Only a signature that one of the keys has made for the same resource and time is genuine, and
/// a URL that was signed is found to be so, whatever its base and query are.
///
/// - Parameter input: An id of a session and a query on two lines, then a time and a signature on two more.
func checkSigning(_ input: [UInt8]) throws {
    let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    guard lines.count == 4 else { return }
    let key = "a key that nobody guesses"
    let time = 1_000_000
    let signing = try URLSigning(keys: ["another key that nobody guesses", key], lifetime: .seconds(80)) {
        Date(timeIntervalSince1970: Double(time))
    }
    guard let session = SessionID(rawValue: lines[0]) else { return }
    for resource in [SessionResource.state(session), .message(session, 3)] {
        // A signature of any form.
        switch signing.validity(of: resource, expires: lines[2], signature: lines[3]) {
        case .invalid: break
        case .valid, .expired:
            let text = Data("acp-resource\n\(resource.path)\n\(Int(lines[2]) ?? -1)".utf8)
            let plain = lines[3].replacing("-", with: "+").replacing("_", with: "/")
            let code = Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4))
            let isGenuine = ["another key that nobody guesses", key].contains {
                HMAC<SHA256>.isValidAuthenticationCode(
                    code ?? Data(), authenticating: text, using: SymmetricKey(data: Array($0.utf8)))
            }
            try demand(isGenuine, "a signature that is not genuine was accepted")
        }
        // A signed URL. Its query must not contain what looks like another signature.
        let query = lines[1].isEmpty || lines[1].contains(where: { "#?".contains($0) }) ? "" : "?\(lines[1])"
        guard !query.contains("expires") && !query.contains("signature") else { continue }
        let url = signing.url(of: resource, at: .unknown, query: query)
        try demand(signing.isSigned(url, for: resource), "a signed URL is not accepted: \(url)")
        try demand(!signing.isSigned(url, for: .message(session, 4)), "a URL is accepted for another resource")
        let link = SessionLink(url)
        let expected = ServerBase.unknown.description + resource.path + query
        try demand(link.origin != nil || link.identity == expected, "the identity is \(link.identity)")
        guard let expires = link.expires, let signature = link.signature else { continue }
        for wrong in [expires - 1, expires + 1, time, Int.max] {
            let validity = signing.validity(of: resource, expires: "\(wrong)", signature: signature)
            try demand(validity == .invalid, "a signature is accepted for another time")
        }
        var changed = Array(signature.utf8)
        let position = Int(input[0]) % (changed.count - 1)
        changed[position] = changed[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let validity = signing.validity(
            of: resource, expires: "\(expires)", signature: String(decoding: changed, as: UTF8.self))
        try demand(validity == .invalid, "a changed signature is accepted")
    }
}
