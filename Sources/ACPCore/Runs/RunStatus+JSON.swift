// SPDX-License-Identifier: Apache-2.0

extension RunStatus: Codable, JSONText {
    package static func refusal(of text: String) -> String {
        "\"\(text.prefix(40))\" is not a status of a run: \(allCases.map(\.rawValue).joined(separator: ", ")) are known"
    }
}

extension RunMode: Codable, JSONText {
    package static func refusal(of text: String) -> String {
        "\"\(text.prefix(40))\" is not a mode: sync, async or stream is expected"
    }
}
