// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPServer

@Suite("URLs of a server's own resources")
struct SessionURLTests {
    @Test(
        "The server's own URLs are recognized with their resource",
        arguments: [
            ("http://me:8000", "http://me:8000/sessions/s/history/3", .message("s", 3)),
            ("http://me:8000/", "HTTP://ME:8000/sessions/s/history/3?expires=1&signature=x#f", .message("s", 3)),
            ("https://me/acp", "https://me:443/acp/sessions/a%7Eb/state", .state("a~b")),
            ("https://me/acp", "https://me/sessions/s/state", nil),
            ("https://me/acp", "https://me/acpx/sessions/s/state", nil),
            ("http://me", "https://me/sessions/s/state", nil),
            ("http://me", "http://me:81/sessions/s/state", nil),
            ("http://me", "http://me/sessions/s/history", nil),
            ("http://me", "http://me/sessions/s/history/-1", nil),
            ("http://me", "http://me/sessions/s/history/+1", nil),
            ("http://me", "http://me/sessions/s/history/99999999999999999999", nil),
            ("http://me", "http://me/sessions/s/history/1/2", nil),
            ("http://me", "http://me/sessions/a%20b/state", nil),
            ("http://me", "/sessions/s/state", nil),
        ] as [(String, String, SessionResource?)])
    func own(base: String, url: String, resource: SessionResource?) {
        #expect(SessionURLs(base: base).ownResource(url) == resource)
    }
}
