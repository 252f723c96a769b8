// SPDX-License-Identifier: Apache-2.0

/// The reason why a document cannot be read or a value cannot be written, and the path to the member.
package struct JSONFault: Error {
    /// The kinds of JSON values that a reader expects.
    package enum Kind {
        case string
        case number
        case bool
        case array
        case object

        /// The Swift type that represents the kind in a `DecodingError`.
        var type: any Any.Type {
            switch self {
            case .string: String.self
            case .number: Double.self
            case .bool: Bool.self
            case .array: [JSONValue].self
            case .object: [String: JSONValue].self
            }
        }
    }

    package enum Reason {
        /// The document is not JSON.
        case syntax(String)
        /// The document is not UTF-8.
        case notUTF8
        /// The document, or the value, is nested too deep.
        case tooDeep
        /// The value is of another kind.
        case mismatch(Kind)
        /// The value is null.
        case null(Kind)
        /// The member is missing.
        case missing
        /// The value is of the right kind, but its content is not allowed.
        case invalid(String)
        /// A number to be written is infinite or not a number.
        case notFinite(Double)
    }

    /// A step from a value to one within it.
    private enum Step {
        case member(String)
        case element(Int)
    }

    /// The content of a fault. Faults are rare and pass through many functions, so a fault is a single reference.
    private final class Content: Sendable {
        let reason: Reason
        let position: Int
        /// The steps to the value, the innermost first.
        let steps: [Step]

        init(_ reason: Reason, position: Int, steps: [Step]) {
            self.reason = reason
            self.position = position
            self.steps = steps
        }
    }

    private let content: Content

    package init(_ reason: Reason, at position: Int = 0) {
        content = Content(reason, position: position, steps: [])
    }

    private init(_ fault: JSONFault, under step: Step) {
        let content = fault.content
        self.content = Content(content.reason, position: content.position, steps: content.steps + [step])
    }

    package var reason: Reason { content.reason }

    /// The index of the byte with the fault, for faults of syntax.
    var position: Int { content.position }

    /// Whether this is a fault of shape: the document is JSON as far as it was read, but a value in it is not as
    /// expected.
    ///
    /// Such a fault is thrown after the reader has passed the value, so that the rest of the document can be read.
    package var isOfShape: Bool {
        switch reason {
        case .mismatch, .null, .missing, .invalid: true
        case .syntax, .notUTF8, .tooDeep, .notFinite: false
        }
    }

    /// Returns the fault with the member of an object added to its path.
    package func under(_ name: JSONName) -> JSONFault { JSONFault(self, under: .member(name.text)) }

    /// Returns the fault with the member of an object added to its path.
    package func under(_ name: String) -> JSONFault { JSONFault(self, under: .member(name)) }

    /// Returns the fault with the element of an array added to its path.
    package func under(_ index: Int) -> JSONFault { JSONFault(self, under: .element(index)) }

    /// The keys and indices that lead to the value.
    package var path: [any CodingKey] {
        content.steps.reversed().map { step in
            switch step {
            case .member(let name): AnyCodingKey(name)
            case .element(let index): IndexKey(index)
            }
        }
    }
}

extension JSONFault {
    /// Returns the fault as an error of `Decodable`.
    ///
    /// - Parameter codingPath: The path to the value with the fault.
    func decodingError(at codingPath: [any CodingKey] = []) -> DecodingError {
        let path = codingPath + path
        func context(_ message: String) -> DecodingError.Context { .init(codingPath: path, debugDescription: message) }
        switch reason {
        case .mismatch(let kind): return .typeMismatch(kind.type, context("another type"))
        case .null(let kind): return .valueNotFound(kind.type, context("null"))
        case .missing:
            guard let key = path.last else { return .dataCorrupted(context("missing")) }
            return .keyNotFound(key, .init(codingPath: path.dropLast(), debugDescription: "missing"))
        case .invalid(let message), .syntax(let message): return .dataCorrupted(context(message))
        case .notUTF8: return .dataCorrupted(context("UTF-8 is expected"))
        case .tooDeep:
            return .dataCorrupted(context("the value is nested deeper than \(ACPJSON.maximumDepth) levels"))
        case .notFinite: return .dataCorrupted(context("JSON has finite numbers only"))
        }
    }

    /// Returns the fault as an error of `Encodable`.
    ///
    /// - Parameters:
    ///   - value: The value that cannot be written.
    ///   - codingPath: The path to the value.
    func encodingError(_ value: Any, at codingPath: [any CodingKey]) -> EncodingError {
        switch reason {
        case .notFinite(let number):
            .invalidValue(
                number, .init(codingPath: codingPath + path, debugDescription: "JSON has finite numbers only"))
        default:
            .invalidValue(
                value,
                .init(
                    codingPath: codingPath + path,
                    debugDescription: "the value is nested deeper than \(ACPJSON.maximumDepth) levels"))
        }
    }
}
