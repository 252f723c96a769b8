// SPDX-License-Identifier: Apache-2.0

import ACPCore

// How errors are written. They are rare, so they are built as trees.

extension A2AError {
    private static let typePrefix = "type.googleapis.com/google.rpc."
    static let errorInfoType = typePrefix + "ErrorInfo"
    static let badRequestType = typePrefix + "BadRequest"

    /// The details as objects whose member `@type` names their kind: the reason and the metadata, the field violations, and the
    /// further ones.
    public var detailObjects: [JSONObject] {
        var info: JSONObject = [
            "@type": .string(Self.errorInfoType), "reason": .string(code.reason), "domain": .string(domain),
        ]
        if !metadata.isEmpty { info["metadata"] = .object(JSONObject(metadata.mapValues { .string($0) })) }
        var objects = [info]
        if !violations.isEmpty {
            let list = violations.prefix(Self.maximumViolations).map { violation -> JSONValue in
                ["field": .string(violation.field), "description": .string(violation.description)]
            }
            objects.append(["@type": .string(Self.badRequestType), "fieldViolations": .array(list)])
        }
        return objects + details
    }

    /// The error object of a JSON-RPC response: `code`, `message` and `data`.
    public var jsonRPCObject: JSONObject {
        [
            "code": .integer(Int64(code.number)), "message": .string(message),
            "data": .array(detailObjects.map { .object($0) }),
        ]
    }

    /// The body of an HTTP response: `error` with `code`, `status`, `message` and `details`.
    public var httpObject: JSONObject {
        [
            "error": [
                "code": .integer(Int64(code.httpStatus)), "status": .string(code.grpcStatus.rawValue),
                "message": .string(message), "details": .array(detailObjects.map { .object($0) }),
            ]
        ]
    }

    /// Returns the body of an HTTP response as JSON.
    public func httpBody() -> [UInt8] { json(\.httpObject) }

    /// Returns a form of the error as JSON. Further details that cannot be written as JSON, for they are nested too deep, are left
    /// out.
    func json(_ form: KeyPath<A2AError, JSONObject>) -> [UInt8] {
        do throws(A2AError) {
            return try A2AJSON.write(self[keyPath: form])
        } catch {
            guard !details.isEmpty else { return Array("{}".utf8) }
            var plain = self
            plain.details = []
            return plain.json(form)
        }
    }
}
