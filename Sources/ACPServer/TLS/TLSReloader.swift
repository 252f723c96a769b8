// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Has the current credentials of a server, and reads them again when their files change.
final class TLSReloader: Service {
    private struct State {
        var credentials: TLSCredentials
        /// The stamps of the files from which the credentials were read.
        var stamps: [FileStamp]
        /// Why the files as they are now cannot be used.
        var failure: String?
        /// The last warning about the certificate.
        var warning: String?
    }

    private let configuration: ServerTLS
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: ``ServerError`` with code `invalidCertificate`.
    init(_ configuration: ServerTLS, logger: Logger) throws(ServerError) {
        self.configuration = configuration
        self.logger = logger
        // Before the files are read, so that a change meanwhile is noticed.
        let stamps = configuration.files.map { FileStamp($0) }
        state = Mutex(State(credentials: try TLSCredentials(configuration), stamps: stamps))
        warn(at: Date())
    }

    /// The context of new connections.
    var context: NIOSSLContext { state.withLock { $0.credentials.context } }

    /// The context of new connections that use HTTP/1.
    var http1Context: NIOSSLContext { state.withLock { $0.credentials.http1Context } }

    /// Checks the files until the server shuts down.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.configuration.reloadInterval)) != nil { self.reload() }
        }
    }

    /// Reads the files if they have changed, and logs if they cannot be used or the certificate is not valid.
    func reload(at date: Date = Date()) {
        let stamps = configuration.files.map { FileStamp($0) }
        // Files that could not be used are tried again: several files do not change at the same moment.
        guard state.withLock({ $0.stamps != stamps || $0.failure != nil }) else { return warn(at: date) }
        do throws(ServerError) {
            let credentials = try TLSCredentials(configuration)
            state.withLock { $0 = State(credentials: credentials, stamps: stamps) }
            logger.notice("the server's certificate was reloaded", metadata: ["source": "\(credentials.source)"])
        } catch {
            let isNew = state.withLock { state in
                defer { state.failure = error.message }
                return state.failure != error.message
            }
            if isNew {
                logger.error(
                    "the server's certificate could not be reloaded: new connections use the old one",
                    metadata: ["reason": "\(error.message)"])
            }
        }
        warn(at: date)
    }

    private func warn(at date: Date) {
        let (warning, credentials) = state.withLock { state in
            let warning = state.credentials.warning(at: date)
            defer { state.warning = warning }
            return (warning == state.warning ? nil : warning, state.credentials)
        }
        guard let warning else { return }
        logger.warning(
            "\(warning)",
            metadata: [
                "source": "\(credentials.source)", "from": "\(credentials.validity.lowerBound)",
                "until": "\(credentials.validity.upperBound)",
            ])
    }
}
