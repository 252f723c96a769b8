// SPDX-License-Identifier: Apache-2.0

import ACPCore
@_exported import ACPRuntime
@_exported import ACPTestSupport
import Logging
import Synchronization
import Testing

@testable import ACPLinks

/// A loader while the body runs. Without a configuration it loads from this machine.
func loading(
    _ configuration: LinkConfiguration = .development, _ resolver: any HostResolver = SystemResolver(),
    _ body: (LinkLoader) async throws -> Void
) async throws {
    let loader = LinkLoader(configuration: configuration, logger: .silent, resolver: resolver)
    do {
        try await body(loader)
    } catch {
        await loader.close()
        throw error
    }
    await loader.close()
}

func loading(resolver: any HostResolver, _ body: (LinkLoader) async throws -> Void) async throws {
    try await loading(.development, resolver, body)
}

/// What comes of loading something: an error's code, or nil.
func loads(_ url: String, _ loader: LinkLoader) async -> LinkError.Code? {
    do {
        _ = try await loader.load(ResourceRequest(url: url, session: "s", purpose: .content))
        return nil
    } catch let error as LinkError {
        #expect(error.message.contains("loaded"), "\(error)")
        return error.code
    } catch {
        Issue.record("\(error)")
        return nil
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension LinkConfiguration {
    static var development: LinkConfiguration {
        LinkConfiguration(allowsPrivateAddresses: true, timeout: .seconds(60), connectTimeout: .seconds(30))
    }

    func with(_ change: (inout LinkConfiguration) -> Void) -> LinkConfiguration {
        var configuration = self
        change(&configuration)
        return configuration
    }
}

extension ResourceServer {
    func request(
        _ path: String, _ purpose: ResourceRequest.Purpose = .content, host: String = "127.0.0.1"
    ) -> ResourceRequest {
        ResourceRequest(url: url(path, host: host), session: "s", purpose: purpose)
    }
}

/// Returns the first addresses for the first lookup, and so on; the last ones are returned for all further lookups.
final class ScriptedResolver: HostResolver {
    private let state: Mutex<(answers: [[String]], asked: [String])>

    init(_ answers: [[String]]) { state = Mutex((answers, [])) }

    var asked: [String] { state.withLock { $0.asked } }

    func addresses(of name: String) async throws -> [IPAddress] {
        let answer = state.withLock { state in
            state.asked.append(name)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
        }
        return try answer.map { try #require(IPAddress($0)) }
    }
}
