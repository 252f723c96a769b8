// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser
import Foundation

/// The source of a session descriptor: another server, or a file.
enum SessionSource {
    case server(url: String, id: SessionID)
    case file(SessionDescriptor)

    init(_ text: String) throws {
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard !text.contains("://") || (scheme != "http" && scheme != "https") else {
            let parts = text.split(separator: "/")
            guard parts.count >= 4, ["session", "sessions"].contains(parts[parts.count - 2]),
                let id = parts.last.flatMap({ SessionID(rawValue: String($0)) })
            else {
                throw ValidationError(
                    "--continue \(text): the URL of a session must end in /sessions/ID, as in https://other.example/sessions/my-session."
                )
            }
            let end = "/\(parts[parts.count - 2])/\(id)"
            guard text.hasSuffix(end) else {
                throw ValidationError("--continue \(text): the URL must not end in a slash.")
            }
            self = .server(url: String(text.dropLast(end.count)), id: id)
            return
        }
        guard let data = contents(ofFile: text) else {
            throw ValidationError("--continue \(text): the file does not exist, or cannot be read.")
        }
        do {
            self = .file(try ACPJSON.decode(SessionDescriptor.self, from: data))
        } catch {
            throw ValidationError(
                "--continue \(text): the file is not a session descriptor of `acp session ID --json`: \(error.message)")
        }
    }

    func descriptor() async throws -> SessionDescriptor {
        switch self {
        case .file(let descriptor): return descriptor
        case .server(let url, let id):
            // Without the token, which is for the server of the run.
            let other = try ACPClient(url)
            do {
                let descriptor = try await other.sessionDescriptor(id)
                try await other.close()
                return descriptor
            } catch {
                try? await other.close()
                throw error
            }
        }
    }
}
