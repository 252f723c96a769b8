// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Where a value is in a document. It is read later, when its type is known.
struct JSONPiece: JSONReadable {
    let range: Range<Int>

    init(json reader: inout JSONReader) throws(JSONFault) {
        _ = try reader.token()
        let start = reader.position
        try reader.skip()
        range = start..<reader.position
    }

    init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "only documents have places"))
    }
}
