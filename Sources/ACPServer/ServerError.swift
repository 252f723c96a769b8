// SPDX-License-Identifier: Apache-2.0

/// Why a server did not start, or did not end as it should.
public enum ServerError: Error, Sendable, CustomStringConvertible {
    /// Two agents have the same name.
    case duplicateAgents([AgentName])
    /// The address cannot be listened on.
    case cannotListen(host: String, port: Int, reason: String)
    /// ``ServerConfiguration/publicURL`` is no URL that a server can be reached by.
    case invalidPublicURL(String)
    /// A range of ``TrustedProxies`` is none.
    case invalidProxyRange(String)
    /// ``URLSigning`` cannot work like this.
    case invalidSigning(String)
    /// A second signal, of this number, has ended the graceful shutdown.
    case interrupted(signal: Int32)

    /// A token of ``Authentication/bearer(_:)`` is none that a client could send.
    case invalidToken(String)

    /// What went wrong and the remedy.
    public var description: String {
        switch self {
        case .duplicateAgents(let names):
            "more than one agent is called \(names.map(\.rawValue).joined(separator: ", ")): give each a name of its own"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason). Choose another port or address, or end the program that has it"
        case .invalidPublicURL(let url):
            "\"\(url.prefix(200))\" cannot be the public URL: give one such as https://agents.example.com/acp, without user name, query and fragment"
        case .invalidProxyRange(let text):
            "\"\(text.prefix(100))\" is no range of addresses: give an IP address, or one with the length of its prefix, such as 10.0.0.0/8"
        case .invalidToken(let reason):
            "the server cannot ask for this bearer token: \(reason). Use visible ASCII characters, such as the output of openssl rand -hex 32"
        case .invalidSigning(let reason):
            "URLs cannot be signed like this: \(reason)"
        case .interrupted(let signal):
            "signal \(signal) has ended the graceful shutdown: runs that had not ended have failed, or go on in another process"
        }
    }
}
