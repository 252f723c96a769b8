// SPDX-License-Identifier: Apache-2.0

extension PartMetadata: Codable, JSONCodable {
    private enum Field: JSONName, JSONField { case kind }

    private static let citationKind = "citation"
    private static let trajectoryKind = "trajectory"

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let kind = try reader.lookAhead(at: Field.kind)
        switch kind.uncheckedValue {
        case Self.citationKind: self = .citation(try CitationMetadata(json: &reader))
        case Self.trajectoryKind: self = .trajectory(try TrajectoryMetadata(json: &reader))
        default:
            self = .other(try JSONObject(json: &reader))
            _ = try kind.optional()
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        switch self {
        case .citation(let citation):
            try writer.member(Field.kind, Self.citationKind)
            try citation.writeFields(to: &writer)
        case .trajectory(let trajectory):
            try writer.member(Field.kind, Self.trajectoryKind)
            try trajectory.writeFields(to: &writer)
        case .other(let members):
            try writer.members(members)
        }
        writer.endObject()
    }
}
