// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// What the head of a request means for its connection.
struct RequestFacts: Equatable {
    /// How much of a body follows.
    enum Body: Equatable {
        case none
        case bytes(Int)
        /// In chunks: until its end comes, nobody knows.
        case unknown
    }

    var isHTTP10 = false
    /// Whether the client wants to send more requests.
    var isKeepAlive = true
    /// Whether the client waits for 100 before it sends the body.
    var expectsContinue = false
    var body = Body.none

    /// The time of the rest of a head is too valuable to look at it more than once: everything is found in one pass.
    ///
    /// - Throws: ``Refusal``: 400 if the head has no `Host`, or more than one; 417 if it expects something unknown.
    init(_ head: HTTPRequestHead) throws(Refusal) {
        isHTTP10 = head.version == .http1_0
        isKeepAlive = head.isKeepAlive
        var hosts = 0
        var isHostValid = true
        var hasUnknownExpectation = false
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isEqual(to: "host"):
                hosts += 1
                isHostValid = isHostValid && value.utf8.allSatisfy(\.isOfAuthority)
            case 6 where name.isEqual(to: "expect"):
                for expectation in value.split(separator: ",") {
                    if expectation.trimmed.isEqual(to: "100-continue") {
                        expectsContinue = true
                    } else {
                        hasUnknownExpectation = true
                    }
                }
            case 10 where name.isEqual(to: "connection"):
                if value.split(separator: ",").contains(where: { $0.trimmed.isEqual(to: "close") }) {
                    isKeepAlive = false
                }
            case 14 where name.isEqual(to: "content-length"):
                if body == .none, let length = Int(value), length > 0 { body = .bytes(length) }
            case 17 where name.isEqual(to: "transfer-encoding"):
                body = .unknown
                // HTTP/1.0 does not know it: where the next request would begin is not sure.
                if isHTTP10 { isKeepAlive = false }
            default: break
            }
        }
        if hosts > 1 || !isHostValid {
            throw Refusal(.badRequest, .invalidInput, "the request has more than one Host, or one that is not valid")
        }
        if isHTTP10 {
            expectsContinue = false
        } else if hosts == 0 {
            throw Refusal(
                .badRequest, .invalidInput, "the request has no Host: send the name that the server is called by")
        } else if hasUnknownExpectation {
            throw Refusal(
                .expectationFailed, .invalidInput, "Expect can only be met if it is 100-continue: send another, or none"
            )
        }
        if body == .none { expectsContinue = false }
    }

    init() {}
}

extension StringProtocol {
    /// Whether this is a word in any case. The word is in lower case.
    fileprivate func isEqual(to word: StaticString) -> Bool {
        guard utf8.count == word.utf8CodeUnitCount else { return false }
        var word = word.utf8Start
        for byte in utf8 {
            let lower = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
            guard lower == word.pointee else { return false }
            word += 1
        }
        return true
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}

extension UInt8 {
    /// Whether it can occur in the host and port of a URL.
    fileprivate var isOfAuthority: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="):
            true
        default: false
        }
    }
}
