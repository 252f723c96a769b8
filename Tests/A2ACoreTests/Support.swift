// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
@_exported import ACPTestSupport
import Testing

/// Reads JSON that stands in a test.
func decode<Value: A2AObject>(
    _ json: String, as type: Value.Type = Value.self, isComplete: Bool = false
) throws -> Value {
    try A2AJSON.decode(type, from: Array(json.utf8), isComplete: isComplete)
}

/// The JSON of an object, as text.
func encode(_ value: some A2AObject) throws -> String {
    String(decoding: try A2AJSON.encode(value), as: UTF8.self)
}

/// JSON that stands in a test, as a tree: for comparing without regard to the order of names.
func tree(_ json: String) throws -> JSONValue { try ACPJSON.decode(JSONValue.self, from: Array(json.utf8)) }

/// The error with which reading an object is refused.
func refusal<Value: A2AObject>(_ type: Value.Type, _ json: String, isComplete: Bool = false) -> A2AError? {
    do {
        _ = try A2AJSON.decode(type, from: Array(json.utf8), isComplete: isComplete)
        return nil
    } catch {
        return error
    }
}

/// The fields that an error names.
func fields(_ error: A2AError?) -> [String] { error?.violations.map(\.field) ?? [] }

/// The names of all members, at all levels, in snake case: the other way to write the same object.
func inSnakeCase(_ value: JSONValue, except free: Set<String> = ["metadata", "data", "params", "header"]) -> JSONValue {
    switch value {
    case .array(let elements): return .array(elements.map { inSnakeCase($0) })
    case .object(let members):
        var renamed = JSONObject()
        for (name, value) in members {
            // Names in maps are the users' own.
            let isMap = ["scopes", "schemes", "securitySchemes"].contains(name)
            let content: JSONValue =
                if free.contains(name) { value } else if isMap, let entries = value.objectValue {
                    .object(entries.mapValues { inSnakeCase($0) })
                } else { inSnakeCase(value) }
            renamed[snakeCase(name)] = content
        }
        return .object(renamed)
    default: return value
    }
}

func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { text, character in
        text += character.isUppercase ? "_" + character.lowercased() : String(character)
    }
}
