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
    public func httpBody() -> [UInt8] { Self.json(httpObject) }

    /// Writes an object that is known to be finite. Details of others may be nested too deep: then the error goes without them.
    static func json(_ object: JSONObject) -> [UInt8] {
        do throws(A2AError) {
            return try A2AJSON.write(object)
        } catch {
            return Array(
                #"{"error":{"code":500,"status":"INTERNAL","message":"the error cannot be written as JSON"}}"#.utf8)
        }
    }
}
