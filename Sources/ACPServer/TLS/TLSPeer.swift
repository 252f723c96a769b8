// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import Synchronization

/// The client of a connection with TLS.
final class TLSPeer: Sendable {
    /// The client of the connection whose requests the current task processes.
    @TaskLocal static var current: TLSPeer?

    private let state = Mutex<ClientCertificate?>(nil)

    /// The verified certificate of the client, when it is known.
    var certificate: ClientCertificate? { state.withLock(\.self) }

    /// Reads the certificate that the client has sent. It must be called on the event loop of the channel.
    ///
    /// A certificate that cannot be read is treated as missing.
    func handshakeCompleted(on channel: any Channel) {
        guard let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate() else { return }
        let read = try? ClientCertificate(der: certificate.toDERBytes())
        state.withLock { $0 = read }
    }
}
