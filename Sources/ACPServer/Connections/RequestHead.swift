// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// The properties of a request's head that affect its connection.
struct RequestHead: Equatable {
    /// The size of the body that follows.
    enum Body: Equatable {
        case none
        case bytes(Int)
        /// The body is chunked, so that its size is known only at its end.
        case unknown
    }

    var isHTTP10 = false
    /// Whether the connection can be used for further requests.
    var isKeepAlive = true
    /// Whether the client waits for 100 (Continue) before it sends the body.
    var expectsContinue = false
    var body = Body.none

    /// Reads a head. All properties are found in one pass over the headers, because this is on the path of every
    /// request.
    ///
    /// - Throws: ``RejectionResponse``: 400 if the head does not have exactly one valid `Host`, or the body has another
    ///   transfer encoding than chunked, so that its end is not known; 417 for an unknown expectation.
    init(_ head: HTTPRequestHead) throws(RejectionResponse) {
        isHTTP10 = head.version == .http1_0
        isKeepAlive = head.isKeepAlive
        var hosts = 0
        var isHostValid = true
        var hasUnknownExpectation = false
        var encodings = 0
        var isChunked = true
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isEqual(to: "host"):
                hosts += 1
                isHostValid = isHostValid && value.isValidAuthority
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
                encodings += 1
                isChunked = isChunked && value[...].trimmed.isEqual(to: "chunked")
                // HTTP/1.0 does not define it, so that it is unknown where the next request would begin.
                if isHTTP10 { isKeepAlive = false }
            default: break
            }
        }
        if hosts > 1 || !isHostValid {
            throw RejectionResponse(
                .badRequest, .invalidInput, "the request has more than one Host header, or one that is not valid")
        }
        if encodings > 1 || !isChunked {
            throw RejectionResponse(
                .badRequest, .invalidInput, "the only supported value of Transfer-Encoding is chunked, without others")
        }
        if isHTTP10 {
            expectsContinue = false
        } else if hosts == 0 {
            throw RejectionResponse(
                .badRequest, .invalidInput, "the request has no Host header: send the name of the server")
        } else if hasUnknownExpectation {
            throw RejectionResponse(
                .expectationFailed, .invalidInput, "the only supported value of Expect is 100-continue: omit the header"
            )
        }
        if body == .none { expectsContinue = false }
    }

    init() {}
}

extension String {
    /// Whether all characters are allowed in the host and port of a URL.
    var isValidAuthority: Bool { utf8.allSatisfy(\.isAllowedInAuthority) }
}

extension StringProtocol {
    /// Whether the text is equal to a word in lower case, ignoring case.
    func isEqual(to word: StaticString) -> Bool {
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
    var trimmed: Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}

extension UInt8 {
    /// Whether the byte can be part of the host and port of a URL.
    fileprivate var isAllowedInAuthority: Bool {
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
