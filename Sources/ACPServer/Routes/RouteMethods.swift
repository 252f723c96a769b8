// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Synchronization

/// The methods of a router's paths, for requests that match no route.
final class RouteMethods: Sendable {
    private struct Entry {
        /// The components of the path. `nil` matches any component.
        let pattern: [String?]
        var methods: Set<String>
    }

    private let entries = Mutex<[Entry]>([])

    /// Registers the routes of a router, after all have been added.
    func register(from router: Router<some RequestContext>) {
        var entries: [String: Entry] = [:]
        for route in router.routes {
            let path = route.path.description
            let pattern = path.split(separator: "/").map { $0.hasPrefix("{") ? nil : String($0) }
            entries[path, default: Entry(pattern: pattern, methods: ["OPTIONS"])].methods.insert(route.method.rawValue)
        }
        for path in entries.keys where entries[path]?.methods.contains("GET") == true {
            entries[path]?.methods.insert("HEAD")
        }
        self.entries.withLock { $0 = Array(entries.values) }
    }

    /// Returns the response to a request whose path has routes, but not for the request's method.
    ///
    /// - Parameter error: The error that the router has thrown.
    /// - Returns: 204 for OPTIONS, 405 for other methods, or `nil` if no route has the path or the error has another
    ///   cause.
    func response(to request: Request, after error: any Error, context: some RequestContext) throws -> Response? {
        guard let error = error as? HTTPError, error.status == .notFound else { return nil }
        let methods = methods(at: request.uri.path)
        guard !methods.isEmpty, request.method == .options || !methods.contains(request.method.rawValue) else {
            return nil
        }
        let allowed = methods.sorted().joined(separator: ", ")
        if request.method == .options { return Response(status: .noContent, headers: [.allow: allowed]) }
        return try ErrorResponse(
            .methodNotAllowed, .invalidInput,
            "\(request.method.rawValue.prefix(40)) is not supported for this path: use \(allowed)",
            headers: [.allow: allowed]
        ).response(from: request, context: context)
    }

    private func methods(at path: String) -> Set<String> {
        let pieces = path.split(separator: "/")
        return entries.withLock { entries in
            entries.reduce(into: []) { methods, entry in
                guard
                    entry.pattern.count == pieces.count,
                    zip(entry.pattern, pieces).allSatisfy({ $0 == nil || $0.map { Substring($0) } == $1 })
                else { return }
                methods.formUnion(entry.methods)
            }
        }
    }
}
