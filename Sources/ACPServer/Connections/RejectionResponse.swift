// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1

/// An error response that a connection sends before it is closed, without involving the routes.
struct RejectionResponse: Error, Equatable {
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

    /// Creates the response to a request that the parser cannot read.
    init(_ error: HTTPParserError) {
        if case .headerOverflow = error {
            self.init(
                .requestHeaderFieldsTooLarge, .invalidInput,
                "the head of the request is larger than the limit of this server")
        } else {
            self.init(.badRequest, .invalidInput, "the request is not valid HTTP/1.1")
        }
    }

    static let slowHead = RejectionResponse(
        .requestTimeout, .invalidInput, "the head of the request took too long: try again")
    static let tooManyConnections = RejectionResponse(
        .serviceUnavailable, .unavailable, "the server has too many connections: try again later",
        retryAfter: 1)

    static let tooManyStreams = RejectionResponse(
        .serviceUnavailable, .unavailable,
        "the server processes too many requests of HTTP/2 at the same time: try again later", retryAfter: 1)

    var body: ByteBuffer { ByteBuffer(bytes: (try? ACPJSON.encode(error)) ?? []) }

    /// - Parameter length: The size of the body, in bytes.
    func head(version: HTTPVersion, length: Int) -> HTTPResponseHead {
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": "\(length)", "Connection": "close",
            "Date": Self.date(), "Server": "SimpleACP",
        ]
        for field in BrowserHeaders.protection { headers.add(name: field.name.rawName, value: field.value) }
        if let retryAfter { headers.add(name: "Retry-After", value: "\(retryAfter)") }
        return HTTPResponseHead(version: version, status: status, headers: headers)
    }

    /// Returns a time in the format of HTTP. Defaults to now.
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

/// The error of a request body that arrived too slowly.
struct SlowBodyError: Error {}
