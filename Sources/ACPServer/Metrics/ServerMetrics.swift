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
    private let routes = Mutex<[RouteKind: RouteMetrics]>([:])

    private struct RouteKind: Hashable {
        let method: String
        let route: String

        var dimensions: [(String, String)] { [("method", method), ("route", route)] }
    }

    /// The metrics of the requests for one route.
    private struct RouteMetrics {
        private let duration: Metrics.Timer
        /// One for each status. There are few, so that comparing them takes less time than hashing.
        private var responses: [(status: Int, counter: Counter)] = []

        init(_ kind: RouteKind, _ factory: any MetricsFactory) {
            duration = Metrics.Timer(.httpRequestDuration, kind.dimensions, in: factory)
        }

        mutating func handles(
            for status: Int, _ kind: RouteKind, _ factory: any MetricsFactory
        ) -> (responses: Counter, duration: Metrics.Timer) {
            if let known = responses.first(where: { $0.status == status }) { return (known.counter, duration) }
            let counter = Counter(.httpRequests, kind.dimensions + [("status", "\(status)")], in: factory)
            responses.append((status, counter))
            return (counter, duration)
        }
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
        let kind = RouteKind(method: RouteLabel.method(method), route: route)
        let handles = routes.withLock { routes in
            routes[kind, default: RouteMetrics(kind, factory)].handles(for: status.code, kind, factory)
        }
        handles.responses.increment()
        handles.duration.record(duration)
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
