// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for URLs of servers, links, contents and databases. scripts/fuzz compiles it into one module with ACPCore and the
// parsers, and runs it.

import Foundation

/// Parses the input, without its first byte, as the kind of URL that this byte chooses. What was accepted must be the same after it was
/// written.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzURLs(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let text = String(decoding: input[1...], as: UTF8.self)
    switch input[0] % 4 {
    case 0: link(text)
    case 1: base(text)
    case 2: _ = try? DataURL.resource(of: text)
    default: postgres(text)
    }
    return 0
}

private func link(_ text: String) {
    guard let url = try? LinkURL(text) else { return }
    precondition((try? LinkURL(url.description)) == url, "the link is another one after a round trip")
    // The part of the URL that another parser takes for the host must be the checked one.
    guard let components = URLComponents(string: url.description), let host = components.host else { return }
    precondition(host.lowercased() == url.hostText, "Foundation finds another host")
    if let target = try? url.redirected(to: String(text.suffix(16))) {
        precondition(target.host == url.host, "a redirect leads to another host")
    }
}

private func base(_ text: String) {
    guard let url = try? BaseURL(text) else { return }
    precondition((try? BaseURL(url.description)) == url, "the URL is another one after a round trip")
    precondition(url.isSameOrigin(as: url.description + "/runs"), "the URL's own paths have another origin")
}

private func postgres(_ text: String) {
    guard let url = try? PostgresURL(text) else { return }
    guard let again = try? PostgresURL(url.text) else { preconditionFailure("what was written cannot be read") }
    precondition(again.preparesStatements == nil && again.sendsStartupOptions == nil, "own parameters remain")
}
