// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// What went wrong, in the terms of all bindings of the protocol.
///
/// ```swift
/// throw A2AError(.taskNotFound, "there is no task \(id)", metadata: ["taskId": id.rawValue])
/// ```
///
/// It is written as the error object of JSON-RPC or as the body of an HTTP response, with the code's reason and ``metadata`` as a
/// `google.rpc.ErrorInfo`, and ``violations`` as a `google.rpc.BadRequest`.
public struct A2AError: Error, Sendable, Hashable {
    /// A field of a request that has a wrong value.
    public struct FieldViolation: Sendable, Hashable {
        /// The path to the field, for example `message.parts[0].raw`. Empty for the whole request.
        public var field: String
        /// What is wrong with it.
        public var description: String

        /// Creates a violation.
        public init(field: String, description: String) {
            self.field = field
            self.description = description
        }
    }

    /// The domain of the reasons that the protocol defines.
    public static let protocolDomain = "a2a-protocol.org"

    /// How many field violations an error lists at most.
    public static let maximumViolations = 16

    /// The kind of the error.
    public var code: Code
    /// What went wrong and, where there is one, the remedy.
    public var message: String
    /// The domain that the code's reason belongs to. Defaults to ``protocolDomain``.
    public var domain: String
    /// Details for programs.
    public var metadata: [String: String]
    /// The fields of the request that have wrong values.
    public var violations: [FieldViolation]
    /// Further details, each with a member `@type` that names its kind.
    public var details: [JSONObject]

    /// Creates an error.
    public init(
        _ code: Code,
        _ message: String,
        domain: String = A2AError.protocolDomain,
        metadata: [String: String] = [:],
        violations: [FieldViolation] = [],
        details: [JSONObject] = []
    ) {
        self.code = code
        self.message = message
        self.domain = domain
        self.metadata = metadata
        self.violations = violations
        self.details = details
    }
}

extension A2AError: CustomStringConvertible {
    /// The reason and the message.
    public var description: String { "\(code.reason): \(message)" }
}
