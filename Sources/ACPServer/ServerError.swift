// SPDX-License-Identifier: Apache-2.0

/// Why a server did not start.
public enum ServerError: Error, Sendable, CustomStringConvertible {
    /// Two agents have the same name.
    case duplicateAgents([AgentName])
    /// The address cannot be listened on.
    case cannotListen(host: String, port: Int, reason: String)

    /// What went wrong and the remedy.
    public var description: String {
        switch self {
        case .duplicateAgents(let names):
            "more than one agent is called \(names.map(\.rawValue).joined(separator: ", ")): give each a name of its own"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason). Choose another port or address, or end the program that has it"
        }
    }
}
