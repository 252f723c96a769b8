// SPDX-License-Identifier: Apache-2.0

extension RunID: JSONText {}
extension SessionID: JSONText {}
extension AgentName: JSONText {}
extension PrincipalID: JSONText {}

extension JSONText where Self: ACPIdentifier {
    package static func refusal(of text: String) -> String { "\"\(text.prefix(140))\" is not a valid \(rule)" }
}
