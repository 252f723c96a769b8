// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// An object in JSON whose members are the entries of a dictionary. They are written in the order of their names.
package struct ProtoMap<Value: JSONReadable>: JSONReadable {
    package var entries: [String: Value] = [:]

    package init(_ entries: [String: Value]) { self.entries = entries }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var fault: JSONFault?
        try reader.beginObject()
        while let name = try reader.nextName() {
            do throws(JSONFault) {
                entries[name] = try Value(json: &reader)
            } catch {
                guard error.isOfShape else { throw error }
                fault = fault ?? error.under(name)
            }
        }
        if let fault { throw fault }
    }

    package init(from decoder: any Decoder) throws { entries = try [String: Value](from: decoder) }
}

extension ProtoMap: Encodable, JSONWritable where Value: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        for (name, value) in entries.sorted(by: { $0.key < $1.key }) { try writer.member(named: name, value) }
        writer.endObject()
    }

    package func encode(to encoder: any Encoder) throws { try entries.encode(to: encoder) }
}
