// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPLinks
import ACPRuntime

/// Checks push notification configurations of clients.
struct PushConfigCheck {
    private let poster: LinkPoster
    private var violations: [A2AError.FieldViolation] = []

    private static let maximumIDBytes = 256
    private static let maximumHeaderBytes = 4_096

    init(_ poster: LinkPoster) { self.poster = poster }

    /// - Throws: ``A2AError`` with code `invalidParams`. It contains none of the values, which may be secret.
    consuming func check(_ config: A2A.TaskPushNotificationConfig) throws(A2AError) {
        try config.validate()
        do throws(LinkError) {
            try poster.check(config.url)
        } catch {
            report("url", error.message)
        }
        if let id = config.id?.rawValue, id.utf8.count > Self.maximumIDBytes {
            report("id", "at most \(Self.maximumIDBytes) bytes are expected")
        }
        checkHeader("token", config.token)
        if let authentication = config.authentication {
            let isToken = !authentication.scheme.isEmpty && authentication.scheme.utf8.allSatisfy(Self.isTokenByte)
            if !isToken || authentication.scheme.utf8.count > 64 {
                report("authentication.scheme", "the name of a scheme of HTTP authentication is expected")
            }
            checkHeader("authentication.credentials", authentication.credentials)
        }
        guard let first = violations.first else { return }
        throw A2AError(.invalidParams, "\(first.field): \(first.description)", violations: violations)
    }

    /// Checks a text that becomes the value of a header.
    private mutating func checkHeader(_ field: String, _ text: String?) {
        guard let text else { return }
        if text.utf8.count > Self.maximumHeaderBytes {
            report(field, "at most \(Self.maximumHeaderBytes) bytes are expected")
        } else if !text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) || text.hasPrefix(" ") || text.hasSuffix(" ") {
            report(field, "it is sent in a header: visible characters of ASCII are expected")
        }
    }

    private mutating func report(_ field: String, _ description: String) {
        violations.append(A2AError.FieldViolation(field: field, description: description))
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
