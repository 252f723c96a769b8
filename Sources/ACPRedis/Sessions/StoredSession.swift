// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// How a session is stored: JSON, with the version as the last member, where a script finds it without decoding the rest.
struct StoredSession: Codable {
    /// How the bytes of the state are written.
    enum Encoding: String, Codable {
        /// As text: they are UTF-8, and can be read by people.
        case text = "utf-8"
        case base64
    }

    var id: SessionID
    var state: String?
    var stateContentType: String?
    var stateEncoding: Encoding?
    var metadata: JSONObject
    var version: Int?

    enum CodingKeys: String, CodingKey {
        case id
        case state
        case stateContentType = "state_content_type"
        case stateEncoding = "state_encoding"
        case metadata
        case version
    }

    init(_ session: SessionRecord) {
        id = session.id
        metadata = session.metadata
        guard let state = session.state else { return }
        stateContentType = state.contentType
        if let text = String(validating: state.bytes, as: UTF8.self) {
            self.state = text
            stateEncoding = .text
        } else {
            self.state = Data(state.bytes).base64EncodedString()
            stateEncoding = .base64
        }
    }

    /// Nil if the state is not what its encoding says, or there is no version.
    var record: SessionRecord? {
        guard let version else { return nil }
        var record = SessionRecord(id: id, metadata: metadata, version: version)
        guard let state else { return record }
        let bytes: [UInt8]
        switch stateEncoding {
        case .base64:
            guard let data = Data(base64Encoded: state) else { return nil }
            bytes = Array(data)
        case .text, nil:
            bytes = Array(state.utf8)
        }
        record.state = SessionState(bytes: bytes, contentType: stateContentType ?? "application/json")
        return record
    }

    /// The JSON up to where the version belongs.
    func beginning() throws(ACPError) -> [UInt8] {
        try ACPJSON.encode(self).dropLast() + Array(#","version":"#.utf8)
    }
}
