// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1

/// A response that a connection sends before it is closed, without asking the routes.
struct Refusal: Error, Equatable {
    let status: HTTPResponseStatus
    let error: ACPError
    var retryAfter: Int?
    /// Whether it is the response to a HEAD request, which has no body.
    var isForHead = false

    init(_ status: HTTPResponseStatus, _ code: ACPError.Code, _ message: String, retryAfter: Int? = nil) {
        self.status = status
        error = ACPError(code, message)
        self.retryAfter = retryAfter
    }

    /// What a parser found wrong with a request.
    init(_ error: HTTPParserError) {
        if case .headerOverflow = error {
            self.init(
                .requestHeaderFieldsTooLarge, .invalidInput,
                "the head of the request is larger than this server accepts")
        } else {
            self.init(.badRequest, .invalidInput, "the request is not valid HTTP/1.1")
        }
    }

    static let slowHead = Refusal(.requestTimeout, .invalidInput, "the head of the request took too long: try again")
    static let tooManyConnections = Refusal(
        .serviceUnavailable, .unavailable, "the server has as many connections as it can serve: try again",
        retryAfter: 1)

    var body: ByteBuffer { ByteBuffer(bytes: (try? ACPJSON.encode(error)) ?? []) }

    /// - Parameter length: How many bytes the body has.
    func head(version: HTTPVersion, length: Int) -> HTTPResponseHead {
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": "\(length)", "Connection": "close",
            "Date": Self.date(), "Server": "SimpleACP",
        ]
        if let retryAfter { headers.add(name: "Retry-After", value: "\(retryAfter)") }
        return HTTPResponseHead(version: version, status: status, headers: headers)
    }

    /// The time as HTTP writes it.
    static func date(_ seconds: Int = Int(Date().timeIntervalSince1970)) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return
            "\(days[Int(parts.tm_wday)]), \(padded(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec)) GMT"
    }
}

/// A request's body that came too slowly.
struct SlowBody: Error {}
