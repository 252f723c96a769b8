// SPDX-License-Identifier: Apache-2.0

/// An error that prevents a server from starting or from shutting down gracefully.
public struct ServerError: Error, Sendable {
    /// The kind of an error. More kinds may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        private init(_ name: String) { description = name }

        /// The server cannot listen on its address.
        public static let cannotListen = Code("cannotListen")
        /// ``ServerConfiguration/publicURL`` is not a URL at which a server can be reached.
        public static let invalidPublicURL = Code("invalidPublicURL")
        /// A range of ``TrustedProxies`` is not valid.
        public static let invalidProxyRange = Code("invalidProxyRange")
        /// The keys or the lifetime of ``URLSigning`` are not valid.
        public static let invalidSigning = Code("invalidSigning")
        /// A token is not one that a client can send, or tokens are not valid or cannot be read.
        public static let invalidToken = Code("invalidToken")
        /// The certificates or the key of ``ServerTLS`` cannot be read, or do not belong together.
        public static let invalidCertificate = Code("invalidCertificate")
        /// Another property of the configuration is not valid; the message names it.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// A second signal has ended the graceful shutdown.
        public static let interrupted = Code("interrupted")
    }

    /// The kind of the error.
    public var code: Code
    /// What went wrong, and the remedy.
    public var message: String
    /// The number of the second signal if the code is `interrupted`, otherwise `nil`.
    public var signal: Int32?

    private init(_ code: Code, _ message: String, signal: Int32? = nil) {
        self.code = code
        self.message = message
        self.signal = signal
    }
}

extension ServerError: CustomStringConvertible {
    /// The ``message``.
    public var description: String { message }
}

// MARK: - Errors of the server

extension ServerError {
    static func cannotListen(host: String, port: Int, reason: String) -> Self {
        Self(
            .cannotListen,
            "cannot listen on \(host):\(port): \(reason). Choose another port or address, or stop the program that uses it"
        )
    }

    static func invalidPublicURL(_ url: String) -> Self {
        Self(
            .invalidPublicURL,
            "\"\(url.prefix(200))\" is not a valid public URL: use one such as https://agents.example.com/acp, without user name, query and fragment"
        )
    }

    static func invalidProxyRange(_ text: String) -> Self {
        Self(
            .invalidProxyRange,
            "\"\(text.prefix(100))\" is not an address range: use an IP address, or one with a prefix length, such as 10.0.0.0/8"
        )
    }

    static func invalidSigning(_ reason: String) -> Self {
        Self(.invalidSigning, "the configuration of signed URLs is not valid: \(reason)")
    }

    static func invalidToken(_ reason: String) -> Self {
        Self(
            .invalidToken,
            "the server cannot require this bearer token: \(reason). Use visible ASCII characters, such as the output of openssl rand -hex 32"
        )
    }

    /// Several tokens, or where they are read from, are not valid.
    static func invalidTokens(_ reason: String) -> Self {
        Self(.invalidToken, "the server cannot use these tokens: \(reason)")
    }

    static func invalidCertificate(_ message: String) -> Self { Self(.invalidCertificate, message) }

    package static func invalidConfiguration(_ message: String) -> Self { Self(.invalidConfiguration, message) }

    static func interrupted(signal: Int32) -> Self {
        Self(
            .interrupted,
            "signal \(signal) has ended the graceful shutdown: runs that were still active have failed, or continue in another process",
            signal: signal)
    }
}
