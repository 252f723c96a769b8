// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL

/// Converts socket and TLS errors to ``RedisError``.
enum ConnectFailure {
    static func redisError(for error: any Error) -> RedisError {
        switch error {
        case let error as RedisError:
            return error
        case let error as NIOSSLError:
            return tls(error, error)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return RedisError(
                .connectFailed,
                "The TLS certificate of the server is for another name: set tls.serverName, or check the host.",
                cause: error
            )
        case is BoringSSLError:
            return RedisError(.connectFailed, "The TLS handshake failed.", cause: error)
        case let error as NIOConnectionError:
            return RedisError(.connectFailed, "\(socketProblem(error)) \(Self.remedy)", cause: error)
        default:
            return RedisError(.connectFailed, "The connection could not be established. \(Self.remedy)", cause: error)
        }
    }

    /// Whether another attempt may succeed without a change to the configuration of the client or the server.
    static func isTransient(_ error: RedisError) -> Bool {
        error.code == .connectFailed && !(error.cause is NIOSSLError) && !(error.cause is NIOSSLExtraError)
    }

    private static let remedy = "Check the address and that the server is running and reachable."

    private static func tls(_ error: NIOSSLError, _ cause: any Error) -> RedisError {
        let remedy =
            switch error {
            case .handshakeFailed(.sslError(let stack))
            where stack.contains { $0.description.contains("CERTIFICATE_VERIFY_FAILED") }:
                "its certificate is not signed by a trusted authority: set tls.certificateAuthorities"
            case .unableToValidateCertificate:
                "its certificate is not signed by a trusted authority: set tls.certificateAuthorities"
            default:
                "check that the server uses TLS on this port, and whether it requires a client certificate"
            }
        return RedisError(.connectFailed, "The TLS connection to the server failed; \(remedy).", cause: cause)
    }

    private static func socketProblem(_ error: NIOConnectionError) -> String {
        if let dns = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
            _ = dns
            return "The host name \(error.host) could not be resolved."
        }
        return "No connection to \(error.host):\(error.port) could be established."
    }
}
