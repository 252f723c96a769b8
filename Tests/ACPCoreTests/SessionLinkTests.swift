// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Links of sessions")
struct SessionLinkTests {
    private static let signature = String(repeating: "aZ0-_", count: 8) + "abc"

    @Test(
        "The identity of a link excludes its signature",
        arguments: [
            ("http://a/m?expires=5&signature=SIG", "http://a/m"), ("http://a/m?signature=SIG&expires=5", "http://a/m"),
            ("http://a/m?x=1&expires=5&signature=SIG&y=2", "http://a/m?x=1&y=2"),
            ("http://a/m?expires=5&signature=SIG#f", "http://a/m#f"),
        ])
    func signed(url: String, identity: String) {
        let url = url.replacing("SIG", with: Self.signature)
        let link = SessionLink(url)
        #expect(link.identity == identity && link.expires == 5 && link.signature == Self.signature && link.url == url)
    }

    @Test(
        "A URL without a signature, or with another kind of signature, is its own identity",
        arguments: [
            "http://a/m", "http://a/m?", "http://a/m?expires=5", "http://a/m?signature=SIG",
            "http://a/m?expires=x&signature=SIG",
            "http://a/m?expires=-5&signature=SIG", "http://a/m?expires=5&signature=short",
            "http://a/m?Expires=5&Signature=SIG",
            "http://a/m#?expires=5&signature=SIG", "http://a/m?expires=5&signature=SIG=", "no url", "",
            "http://a/m?X-Amz-Expires=5&X-Amz-Signature=SIG",
        ])
    func other(url: String) {
        let url = url.replacing("SIG", with: Self.signature)
        let link = SessionLink(url)
        #expect(link.identity == url && link.expires == nil && link.signature == nil)
    }

    @Test(
        "The identity of a link excludes the mark of its origin, with a signature and without",
        arguments: [
            ("http://a/m?acp-origin=MARK", "http://a/m"), ("http://a/m?v=3&acp-origin=MARK#f", "http://a/m?v=3#f"),
            ("http://a/m?acp-origin=MARK&expires=5&signature=SIG", "http://a/m"),
            ("http://a/m?acp-origin=MARK&expires=5", "http://a/m?expires=5"),
        ])
    func marked(url: String, identity: String) {
        let mark = "abcdefghijklmnopqrst-_"
        let link = SessionLink(url.replacing("MARK", with: mark).replacing("SIG", with: Self.signature))
        #expect(link.identity == identity && link.origin == mark)
    }

    @Test(
        "Text that does not have the form of a mark is not a mark",
        arguments: ["", "short", "abcdefghijklmnopqrst-_x", "abcdefghijklmnopqrst%20"])
    func noMark(text: String) {
        let link = SessionLink("http://a/m?acp-origin=\(text)")
        #expect(link.identity == link.url && link.origin == nil)
    }

    @Test("A signature is added and recognized", arguments: ["http://a/m", "http://a/m?x=1"])
    func signing(url: String) {
        let link = SessionLink(signing: url, expires: 7, signature: Self.signature)
        #expect(link.identity == url && link.expires == 7)
    }

    @Test("A descriptor receives the signatures that expire last, for its own URLs only")
    func refreshed() {
        func url(_ path: String, _ expires: Int) -> String {
            SessionLink(signing: "http://a/\(path)", expires: expires, signature: Self.signature).url
        }
        let old = SessionDescriptor(
            id: "s", history: [url("0", 5), url("1", 9), "http://b/x", url("2", 5)], state: url("state", 5))
        let others = [
            SessionDescriptor(
                id: "s", history: [url("0", 7), url("1", 7), "http://b/y", url("3", 9)], state: url("state", 8)),
            SessionDescriptor(id: "s", history: [url("0", 6), "http://a/2"]),
        ]
        let fresh = old.refreshed(by: others)
        #expect(fresh.history == [url("0", 7), url("1", 9), "http://b/x", "http://a/2"])
        #expect(fresh.state == url("state", 8) && fresh.id == "s")
        #expect(old.expires == 5 && fresh.expires == 7 && SessionDescriptor(history: ["http://b/x"]).expires == nil)
    }
}
