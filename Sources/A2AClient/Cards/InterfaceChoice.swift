// SPDX-License-Identifier: Apache-2.0

import A2ACore
import Foundation

/// Chooses the interface of an agent card that a client calls.
enum InterfaceChoice {
    static let supportedBindings: [A2A.ProtocolBinding] = [.jsonRPC, .httpJSON]

    /// Returns the first interface of the most preferred binding that this client supports.
    ///
    /// The version must be exactly 1.0; a patch number has no meaning.
    ///
    /// - Parameters:
    ///   - card: The card.
    ///   - preferred: The preferred bindings. Interfaces of other bindings follow in the order of the card.
    static func choose(
        from card: A2A.AgentCard, preferred: [A2A.ProtocolBinding]
    ) throws(A2AClientError) -> A2A.AgentInterface {
        let supported = card.supportedInterfaces.filter { fault(in: $0) == nil }
        for binding in preferred {
            if let interface = supported.first(where: { $0.binding == binding }) { return interface }
        }
        if let first = supported.first { return first }
        throw unsupported(card)
    }

    /// Returns why an interface cannot be used, or `nil` if it can.
    private static func fault(in interface: A2A.AgentInterface) -> String? {
        guard supportedBindings.contains(interface.binding) else { return "another binding" }
        guard A2A.Version(interface.protocolVersion) == .v1 else { return "another version" }
        guard let url = URLComponents(string: interface.url), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", url.host?.isEmpty == false, url.user == nil, url.password == nil
        else { return "the URL is not one of HTTP" }
        return nil
    }

    private static func unsupported(_ card: A2A.AgentCard) -> A2AClientError {
        let needed = "this client requires JSONRPC or HTTP+JSON in version \(A2A.Version.v1)"
        guard !card.supportedInterfaces.isEmpty else {
            return A2AClientError(
                .noSupportedInterface,
                "the card of \"\(card.name)\" has no supportedInterfaces, so that it is one of version 0.3 or incomplete: \(needed)"
            )
        }
        let offers = card.supportedInterfaces.prefix(8).map { interface in
            let version = interface.protocolVersion.isEmpty ? "without a version" : interface.protocolVersion
            return "\(interface.binding) \(version) at \(interface.url) (\(fault(in: interface) ?? ""))"
        }
        return A2AClientError(
            .noSupportedInterface,
            "\"\(card.name)\" cannot be called: it offers \(offers.joined(separator: ", ")); \(needed)")
    }
}
