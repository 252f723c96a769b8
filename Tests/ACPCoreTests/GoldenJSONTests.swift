// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPCore

/// The wire format, byte for byte, and the same values with other encoders and decoders.
@Suite("The JSON of every type")
struct GoldenJSONTests {
    @Test("A value is written as exactly these bytes, and is read from them", arguments: Golden.all)
    func bytes(_ golden: Golden) throws {
        func check<Value: Golden.Kind>(_ value: Value) throws {
            #expect(try encode(value) == golden.json)
            #expect(try decode(Value.self, golden.json) == value)
            #expect(try encode(decode(Value.self, golden.json)) == golden.json)
            #expect(value is any JSONReadable & JSONWritable, "\(Value.self) has no direct codec")
        }
        try check(golden.value)
    }

    @Test("Every type of the wire format has golden JSON that holds every member")
    func complete() throws {
        var missing: [String: Set<String>] = [:]
        func collect<Value: JSONDocument>(_ type: Value.Type, _ json: String) throws {
            let names = Set(Value.Field.allCases.map(\.name))
            let written = Set(try decode(JSONObject.self, json).keys)
            missing["\(type)", default: names].subtract(written)
        }
        for golden in Golden.all {
            if let type = Swift.type(of: golden.value) as? any JSONDocument.Type { try collect(type, golden.json) }
        }
        #expect(missing.filter { !$0.value.isEmpty }.isEmpty, "\(missing)")
        #expect(missing.count == 23)
    }

    @Test("Unknown members, whitespace, escaped names and another order change nothing", arguments: Golden.all)
    func variations(_ golden: Golden) throws {
        func check<Value: Golden.Kind>(_ value: Value) throws {
            // These keep members that they do not know.
            let keeping: [Any.Type] = [Message.self, MessagePart.self, AgentMetadata.self]
            guard Value.self is any JSONDocument.Type, !keeping.contains(where: { $0 == Value.self }) else { return }
            let members = try decode(JSONObject.self, golden.json)
            let text = try members.reversed().map { name, value in
                let escaped = name.utf16.map { "\\u" + String(repeating: "0", count: 2) + String($0, radix: 16) }
                    .joined()
                return "\"\(escaped)\" :\n" + (try encode(value))
            }
            let json = "{\"unknown\\n\": [1, {\"é\": null}], " + text.joined(separator: " ,\t") + "}"
            #expect(try decode(Value.self, text.isEmpty ? "{\"ü\":1}" : json) == value)
        }
        try check(golden.value)
    }

    // MARK: Codable

    /// A type of an application that holds a type of this package.
    struct Envelope<Value: Golden.Kind>: Golden.Kind {
        var before = 1
        var value: Value
        var list: [Value]
        var dictionary: [String: Value]
        var optional: Value?

        init(_ value: Value) {
            (self.value, list, dictionary, optional) = (value, [value, value], ["a": value], value)
        }
    }

    @Test("Foundation's JSON coders read and write the same JSON", arguments: Golden.all)
    func foundation(_ golden: Golden) throws {
        func check<Value: Golden.Kind>(_ value: Value) throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            let theirs = try encoder.encode(Envelope(value))
            let ours = try ACPJSON.encode(Envelope(value))
            #expect(try decode(JSONValue.self, String(decoding: theirs, as: UTF8.self)) == tree(Envelope(value)))
            #expect(try JSONDecoder().decode(Envelope<Value>.self, from: theirs) == Envelope(value))
            #expect(try JSONDecoder().decode(Envelope<Value>.self, from: Data(ours)) == Envelope(value))
            #expect(try ACPJSON.decode(Envelope<Value>.self, from: theirs) == Envelope(value))
            #expect(try ACPJSON.decode(Envelope<Value>.self, from: ours) == Envelope(value))
        }
        try check(golden.value)
    }

    @Test("Property lists hold all values whose numbers they support", arguments: Golden.all)
    func propertyLists(_ golden: Golden) throws {
        func check<Value: Golden.Kind>(_ value: Value) throws {
            guard !golden.json.contains("5e-324") else { return }
            for format in [PropertyListSerialization.PropertyListFormat.binary, .xml] {
                // XML does not allow control characters.
                if format == .xml, golden.json.contains("\\u0001") { continue }
                let encoder = PropertyListEncoder()
                encoder.outputFormat = format
                let data = try encoder.encode(Envelope(value))
                #expect(try PropertyListDecoder().decode(Envelope<Value>.self, from: data) == Envelope(value))
            }
        }
        try check(golden.value)
    }

    @Test("Codable reads what the direct reader reads, member for member", arguments: Golden.all)
    func bridge(_ golden: Golden) throws {
        func check<Value: Golden.Kind>(_ value: Value) throws {
            let direct = try ACPJSON.decode(Value.self, from: Array(golden.json.utf8))
            #expect(try ACPJSON.decodeThoroughly(Value.self, from: Array(golden.json.utf8)) == direct)
            #expect(try ACPJSON.encode(ACPJSON.encodeTree(value)) == Array(golden.json.utf8))
        }
        try check(golden.value)
    }

    @Test("A type that writes further members into the same object keeps all of them")
    func flattened() throws {
        struct Labelled: Codable, Equatable {
            var run: Run
            var label: String
            enum Keys: CodingKey { case label }

            init(run: Run, label: String) { (self.run, self.label) = (run, label) }
            init(from decoder: any Decoder) throws {
                run = try Run(from: decoder)
                label = try decoder.container(keyedBy: Keys.self).decode(String.self, forKey: .label)
            }
            func encode(to encoder: any Encoder) throws {
                try run.encode(to: encoder)
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(label, forKey: .label)
            }
        }
        let value = Labelled(run: Fixture.run(), label: "x")
        let json = try encode(value)
        #expect(try json == encode(value.run).dropLast() + #","label":"x"}"#)
        #expect(try decode(Labelled.self, json) == value)
        #expect(try JSONDecoder().decode(Labelled.self, from: JSONEncoder().encode(value)) == value)
    }

    // MARK: Errors of other coders

    struct Inbox: Codable { var messages: [RunCreateRequest] }

    @Test("An error of another decoder has the path through the types of the application and of this package")
    func foreignPaths() throws {
        func error(_ request: String) -> DecodingError? {
            let json = Data(#"{"messages":[{"agent_name":"a","input":[]},\#(request)]}"#.utf8)
            do {
                _ = try JSONDecoder().decode(Inbox.self, from: json)
                return nil
            } catch {
                return error as? DecodingError
            }
        }
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        }
        guard case .keyNotFound(let key, let context) = error(#"{"input":[]}"#) else {
            Issue.record("agent_name is missing")
            return
        }
        #expect(key.stringValue == "agent_name" && path(context.codingPath) == ".messages[1]")
        let part = #"{"agent_name":"a","input":[{"parts":[{},{"content_type":5}]}]}"#
        guard case .typeMismatch(let type, let context) = error(part) else {
            Issue.record("content_type is a number")
            return
        }
        #expect(type == String.self && path(context.codingPath) == ".messages[1].input[0].parts[1].content_type")
        guard case .valueNotFound(_, let context) = error(#"{"agent_name":null,"input":[]}"#) else {
            Issue.record("agent_name is null")
            return
        }
        #expect(path(context.codingPath) == ".messages[1].agent_name")
        guard case .dataCorrupted(let context) = error(#"{"agent_name":"a","input":[],"mode":"fast"}"#) else {
            Issue.record("mode is unknown")
            return
        }
        #expect(path(context.codingPath) == ".messages[1].mode" && context.debugDescription.contains("is not a mode"))
    }

    @Test("An infinite number is an error with a path in every encoder")
    func foreignNumbers() throws {
        let message = Message(parts: [MessagePart(extra: ["x": [1, .number(.infinity)]])])
        do {
            _ = try JSONEncoder().encode(["a": message])
            Issue.record("written")
        } catch let EncodingError.invalidValue(value, context) {
            #expect(value as? Double == .infinity)
            #expect(
                context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
                    == ["a", "parts", "0", "x", "1"])
        }
        let error = try #require(throws: ACPError.self) { try ACPJSON.encode(["a": message]) }
        #expect(error.message.hasPrefix("a.parts[0].x[1] cannot be written as JSON: inf"))
        let direct = try #require(throws: ACPError.self) { try ACPJSON.encode(message) }
        #expect(direct.message.hasPrefix("parts[0].x[1] cannot be written as JSON: inf"))
    }
}
