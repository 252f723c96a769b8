// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPMetrics
import ACPRuntime
import ACPServer
import HTTPTypes
import Hummingbird
import NIOCore

/// `/playground/`, with the files of the page and what only the page needs.
struct PlaygroundRoutes: AdditionalRoutes {
    let configuration: PlaygroundConfiguration

    func add<Context: RemoteAddressRequestContext>(to router: RouterGroup<Context>, _ environment: RouteEnvironment) {
        router.add(middleware: ResponseBudgetMiddleware<Context>(budgets: environment.budgets))
        router.get("playground") { request, _ in
            // The addresses of the page's files are relative to this folder. The redirection is relative too, since a
            // proxy may have removed a part of the path.
            guard request.uri.path.hasSuffix("/") else {
                return Response(
                    status: .permanentRedirect, headers: [.location: "playground/", .cacheControl: "no-cache"])
            }
            return try respond(with: "index.html", to: request)
        }
        router.get("playground/server") { request, _ in
            try await environment.access.authorize(request.head, for: .read)
            return try describeServer(environment)
        }
        router.get("playground/storage") { request, _ in
            try await environment.access.authorize(request.head, for: .administer)
            return try await storageStatistics()
        }
        router.get("playground/metrics") { request, _ in
            try await environment.access.authorize(request.head, for: .administer)
            return try metrics(environment)
        }
        router.get("playground/runs/:run_id") { request, context in
            let access = try await environment.access.authorize(request.head, for: .read)
            return try await describeRun(try context.parameters.require("run_id"), access)
        }
        router.get("playground/**") { request, context in
            try respond(with: context.parameters.getCatchAll().joined(separator: "/"), to: request)
        }
    }

    func response(to error: ErrorResponse, _ request: Request, _ context: some RequestContext) -> Response? { nil }

    // MARK: - Files

    private func respond(with path: String, to request: Request) throws -> Response {
        guard let file = PageFile.all[path] else {
            throw ErrorResponse(.notFound, .notFound, "the playground has no such file: open /playground/")
        }
        var headers: HTTPFields = [
            .eTag: "W/" + file.tag,
            // Always asked for again, so that a page never consists of files of two versions.
            .cacheControl: "no-cache",
            .vary: "Accept-Encoding",
        ]
        for field in PagePolicy.headers { headers.append(field) }
        if request.hasCurrent(file.tag) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = file.contentType
        let (bytes, isCompressed) = file.body(acceptsGzip: request.acceptsGzip)
        if isCompressed { headers[.contentEncoding] = "gzip" }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    // MARK: - Figures

    private func describeServer(_ environment: RouteEnvironment) throws -> Response {
        try json(
            ServerDescription(
                process_id: environment.engine.configuration.process.rawValue,
                has_metrics: environment.configuration.metrics != nil,
                has_storage_statistics: configuration.storageStatistics != nil,
                maximum_body_size: environment.configuration.maximumBodySize))
    }

    /// What the protocol's document of a run does not contain: its input, and the process that owns it.
    private func describeRun(_ id: String, _ access: RunAccess) async throws -> Response {
        guard let id = RunID(rawValue: id) else {
            throw ErrorResponse(.notFound, .notFound, "\"\(id.prefix(140))\" is not a valid \(RunID.rule)")
        }
        let details = try await access.details(of: id)
        return try json(
            RunDescription(
                input: details.input, event_count: details.eventCount, process_id: details.process?.rawValue))
    }

    private func storageStatistics() async throws -> Response {
        guard let statistics = configuration.storageStatistics else {
            throw ErrorResponse(
                .notFound, .notFound,
                "this server has no statistics of its storage: set PlaygroundConfiguration.storageStatistics")
        }
        return try json(try await statistics())
    }

    private func json(_ value: some Encodable) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try ACPJSON.encode(value))))
    }

    /// The same document as `/metrics`, also if that is served on a port of its own, which the page cannot reach.
    private func metrics(_ environment: RouteEnvironment) throws -> Response {
        guard let endpoint = environment.configuration.metrics else {
            throw ErrorResponse(
                .notFound, .notFound,
                "this server records no metrics: start it with --metrics, or set ServerConfiguration.metrics"
            )
        }
        environment.engine.recordMetrics()
        return Response(
            status: .ok, headers: [.contentType: PrometheusMetrics.contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: endpoint.metrics.text())))
    }
}

/// The document at `/playground/server`.
private struct ServerDescription: Encodable {
    let process_id: String
    let has_metrics: Bool
    let has_storage_statistics: Bool
    let maximum_body_size: Int
}

/// The document at `/playground/runs/{run_id}`.
private struct RunDescription: Encodable {
    let input: [Message]
    let event_count: Int
    let process_id: String?
}

extension Request {
    /// Whether the client accepts bodies that are compressed with gzip.
    var acceptsGzip: Bool {
        let codings = headers[values: .acceptEncoding].joined(separator: ",").lowercased().split(separator: ",")
        var quality: [Substring: Double] = [:]
        for coding in codings {
            let parts = coding.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first else { continue }
            let value = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            quality[Substring(name)] = value ?? 1
        }
        return (quality["gzip"] ?? quality["*"] ?? 0) > 0
    }
}
