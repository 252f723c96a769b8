// SPDX-License-Identifier: Apache-2.0

import A2ACore
import Crypto

/// A key with which a ``WebhookReceiver`` verifies the signatures of push notifications.
public enum WebhookKey: Sendable {
    /// The secret that the server shares with its receivers, for HMAC-SHA256.
    case secret(SymmetricKey)
    /// The public key of the server, for Ed25519.
    case ed25519(Curve25519.Signing.PublicKey)

    /// Returns whether a signature with its version, as it is in the header, is one of a content by this key.
    func isSignature(_ signature: some StringProtocol, of content: [UInt8]) -> Bool {
        let parts = signature.split(separator: ",", maxSplits: 1)
        guard parts.count == 2, let bytes = Base64.bytes(String(parts[1])) else { return false }
        switch (self, parts[0]) {
        case (.secret(let key), "v1"):
            return HMAC<SHA256>.isValidAuthenticationCode(bytes, authenticating: content, using: key)
        case (.ed25519(let key), "v1a"): return key.isValidSignature(bytes, for: content)
        default: return false
        }
    }
}
