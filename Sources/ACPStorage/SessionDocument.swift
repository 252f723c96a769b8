// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation

/// A session as one JSON document. The version is the last member, so that a script finds it without decoding the rest.
extension StoredSession {
    /// The encoding of the state's bytes.
    private enum StateEncoding: String, Codable {
        /// Text that people can read: the bytes are UTF-8.
        case text = "utf-8"
        case base64
    }

    private struct Members: Codable {
        var id: SessionID
        var principal: PrincipalID?
        var state: String?
        var stateContentType: String?
        var stateEncoding: StateEncoding?
        var metadata: JSONObject?
        var version: Int?

        enum CodingKeys: String, CodingKey {
            case id
            case principal
            case state
            case stateContentType = "state_content_type"
            case stateEncoding = "state_encoding"
            case metadata
            case version
        }
    }

    /// Returns the document up to the position of the version.
    ///
    /// - Throws: ``StorageError`` with code `refused`.
    package func documentBeginning() throws(StorageError) -> [UInt8] {
        var members = Members(id: id, principal: principal)
        if let state {
            members.stateContentType = state.contentType
            if let text = String(validating: state.bytes, as: UTF8.self) {
                members.state = text
                members.stateEncoding = .text
            } else {
                members.state = Data(state.bytes).base64EncodedString()
                members.stateEncoding = .base64
            }
        }
        var json = try Encoded(members, as: "session \(id)").json
        json.removeLast()
        json += #","metadata":"#.utf8
        json += metadata.json
        json += #","version":"#.utf8
        return json
    }

    /// Creates a session from a document.
    ///
    /// - Throws: ``StorageError`` with code `corruptData`.
    package init(document json: [UInt8]) throws(StorageError) {
        let members = try Encoded<Members>(json: json).decode("its JSON")
        guard let version = members.version, let metadata = members.metadata else {
            throw StorageError(.corruptData, "the metadata or the version is missing")
        }
        let what = StoredDocument.session(members.id).description
        self.init(
            id: members.id, state: nil,
            metadata: Encoded(json: try Encoded(metadata, as: what).json, value: metadata), version: version,
            principal: members.principal)
        guard let text = members.state else { return }
        var bytes = Array(text.utf8)
        if members.stateEncoding == .base64 {
            guard let data = Data(base64Encoded: text) else {
                throw StorageError(.corruptData, "its state is not in the encoding that it names")
            }
            bytes = Array(data)
        }
        state = SessionState(bytes: bytes, contentType: members.stateContentType ?? "application/json")
    }
}
