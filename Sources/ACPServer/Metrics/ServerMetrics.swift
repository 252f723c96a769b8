// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import HTTPTypes
import Hummingbird
import Metrics
import Synchronization

/// The metrics of the HTTP server. Handles are created with the first request of their kind, and kept.
package final class ServerMetrics: Sendable {
    /// Whether anything is recorded.
    let isEnabled: Bool
    let connections: Meter
    let eventStreams: Meter
    private let factory: any MetricsFactory
    private let requests = Mutex<[RequestKind: Counter]>([:])
    private let durations = Mutex<[RouteKind: Metrics.Timer]>([:])

    private struct RequestKind: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private struct RouteKind: Hashable {
        let method: String
        let route: String
    }

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        isEnabled = factory.records
        connections = Meter(.httpConnections, in: factory)
        eventStreams = Meter(.eventStreams, in: factory)
    }

    /// Records a response.
    ///
    /// - Parameters:
    ///   - route: The template of the route's path, or ``RouteLabel/unmatched``.
    ///   - duration: The time until the response begins.
    func didRespond(
        _ method: HTTPRequest.Method, _ route: String, _ status: HTTPResponse.Status, after duration: Duration
    ) {
        let method = RouteLabel.method(method)
        let kind = RequestKind(method: method, route: route, status: status.code)
        let counter = requests.withLock { requests in
            if let counter = requests[kind] { return counter }
            let counter = Counter(
                .httpRequests, [("method", method), ("route", route), ("status", "\(status.code)")], in: factory)
            requests[kind] = counter
            return counter
        }
        counter.increment()
        let routeKind = RouteKind(method: method, route: route)
        let timer = durations.withLock { durations in
            if let timer = durations[routeKind] { return timer }
            let timer = Metrics.Timer(.httpRequestDuration, [("method", method), ("route", route)], in: factory)
            durations[routeKind] = timer
            return timer
        }
        timer.record(duration)
    }

    /// Counts a request that was rejected before it reached a route.
    func didReject(_ status: Int) {
        guard isEnabled else { return }
        // Created on demand: rejections are rare, and the factory returns the same value each time.
        Counter(.httpRejections, [("status", "\(status)")], in: factory).increment()
    }
}

/// The labels of requests, of which there is a bounded number.
enum RouteLabel {
    /// The label of all paths without a route.
    static let unmatched = "unmatched"

    /// Returns the template of the path of the route that a request has reached.
    static func route(of context: some RequestContext) -> String {
        // The router's own responder to unknown paths has this name.
        guard let path = context.endpointPath, path != "NotFound" else { return unmatched }
        return path
    }

    /// Returns a method, or `OTHER`: clients can send any.
    static func method(_ method: HTTPRequest.Method) -> String {
        switch method {
        case .get, .post, .delete, .head, .options, .put, .patch, .connect, .trace: method.rawValue
        default: "OTHER"
        }
    }
}
