// SPDX-License-Identifier: Apache-2.0

import A2ACore
import Testing

@Suite("Versions and extensions")
struct NegotiationTests {
    @Test(
        "A version is two numbers; a third is ignored",
        arguments: [
            ("1.0", A2A.Version(major: 1, minor: 0)), ("1.0.1", .v1), ("0.3", .v03), ("0.3.26", .v03),
            ("12.34", .init(major: 12, minor: 34)),
            ("1", nil), ("", nil), ("1.", nil), (".1", nil), ("v1.0", nil), ("1.0.0.0", nil), ("1.0-beta", nil),
            ("-1.0", nil),
            ("99999999999999999999.0", nil), ("1.٠", nil),
        ])
    func versions(text: String, version: A2A.Version?) {
        #expect(A2A.Version(text) == version)
    }

    @Test(
        "The version is that of the header, else of the query, else 0.3",
        arguments: [
            ("1.0", nil, "1.0"), (" 1.0 ", nil, "1.0"), ("1.0.7", nil, "1.0"), (nil, "1.0", "1.0"), ("", "1.0", "1.0"),
            ("0.3", "1.0", "0.3"), (nil, nil, "0.3"), ("", "", "0.3"), ("1.1", nil, nil), ("2.0", nil, nil),
            ("x", "1.0", nil),
        ] as [(String?, String?, String?)])
    func negotiation(header: String?, query: String?, version: String?) {
        let result = Result { () throws(A2AError) in
            try A2A.Version.negotiate(header: header, query: query, supported: [.v1, .v03])
        }
        switch result {
        case .success(let negotiated): #expect(negotiated.description == version)
        case .failure(let error):
            #expect(version == nil)
            #expect(error.code == .versionNotSupported)
            #expect(error.metadata == ["supportedVersions": "1.0, 0.3"])
        }
    }

    @Test("A server of 1.0 refuses a request that names no version")
    func noVersion() {
        let error = #expect(throws: A2AError.self) { try A2A.Version.negotiate(header: nil) }
        #expect(error?.code == .versionNotSupported)
    }

    @Test("Extensions are read from one header or several, each once")
    func extensionHeader() {
        #expect(A2A.Extensions.uris(inHeaders: ["a, b ,,a", "", " c"]) == ["a", "b", "c"])
        #expect(A2A.Extensions.headerValue(["a", "b"]) == "a, b")
        #expect(A2A.Extensions.headerValue([]) == nil)
    }

    @Test("Extensions that both sides know are active; a required one that is missing is an error")
    func activation() throws {
        let declared = [
            A2A.AgentExtension(uri: "a"), A2A.AgentExtension(uri: "b", isRequired: true), A2A.AgentExtension(),
        ]
        #expect(try A2A.Extensions.activate(requested: ["x", "b", "a"], declared: declared) == ["b", "a"])
        #expect(try A2A.Extensions.activate(requested: [], declared: [A2A.AgentExtension(uri: "a")]) == [])
        let error = #expect(throws: A2AError.self) {
            try A2A.Extensions.activate(requested: ["a"], declared: declared)
        }
        #expect(error?.code == .extensionSupportRequired)
        #expect(error?.metadata == ["requiredExtensions": "b"])
    }
}
