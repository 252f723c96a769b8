// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Synchronization

/// Which methods the paths of a router have, for requests that no route takes.
final class RouteMethods: Sendable {
    private struct Entry {
        /// The pieces of the path. Nil stands for any.
        let pattern: [String?]
        var methods: Set<String>
    }

    private let entries = Mutex<[Entry]>([])

    /// Reads the routes of a router, once all are there.
    func learn(from router: Router<some RequestContext>) {
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

    /// The response to a request whose path is known and whose method is not one of the path's.
    ///
    /// - Parameter error: What the router has thrown.
    /// - Returns: 204 for OPTIONS, and 405 for others. Nil if the path is not known, or the error is another.
    func response(to request: Request, after error: any Error, context: some RequestContext) throws -> Response? {
        guard let error = error as? HTTPError, error.status == .notFound else { return nil }
        let methods = methods(at: request.uri.path)
        guard !methods.isEmpty, request.method == .options || !methods.contains(request.method.rawValue) else {
            return nil
        }
        let allowed = methods.sorted().joined(separator: ", ")
        if request.method == .options { return Response(status: .noContent, headers: [.allow: allowed]) }
        return try ErrorAnswer(
            .methodNotAllowed, .invalidInput,
            "\(request.method.rawValue.prefix(40)) is not offered here, but \(allowed)",
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
