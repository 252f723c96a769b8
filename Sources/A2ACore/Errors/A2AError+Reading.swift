// SPDX-License-Identifier: Apache-2.0

import ACPCore

// How errors of other servers are read. Their kind is found by the reason, else by the number of JSON-RPC or the status of HTTP;
// whatever else is in an unusual form is kept as text, so that people can see it.

extension A2AError {
    /// Reads the error object of a JSON-RPC response.
    public init(jsonRPC object: JSONObject) {
        let number = object["code"]?.intValue ?? object["code"]?.stringValue.flatMap { Int($0) }
        self.init(
            fallback: number.flatMap(Code.init(number:))
                ?? Code(number: number ?? -32603, httpStatus: 500, grpcStatus: .unknown, reason: "UNKNOWN"),
            message: object["message"]?.stringValue, details: object["data"])
    }

    /// Reads the body of an HTTP response whose status tells of an error.
    ///
    /// The body may have any form: the one of the protocol, problem details (RFC 9457), another object, or text.
    public init(httpStatus: Int, body: some Collection<UInt8>) {
        let fallback = Self.code(httpStatus: httpStatus)
        let object: JSONObject?
        do throws(A2AError) {
            object = try A2AJSON.read(JSONValue.self, from: body).objectValue
        } catch {
            object = nil
        }
        guard let object else {
            let text = String(decoding: body.prefix(500), as: UTF8.self).trimmingWhitespace()
            self.init(fallback, text.isEmpty ? "the server has responded with status \(httpStatus)" : text)
            return
        }
        let error = object["error"]?.objectValue ?? object
        let message = [
            error["message"], error["detail"], error["title"], object["error_description"], object["error"],
        ].lazy.compactMap { $0?.stringValue }.first
        var code = fallback
        if let status = error["status"]?.stringValue.flatMap(GRPCStatus.init(rawValue:)) {
            // Another status of gRPC than the one of the code that stands for the status of HTTP means another kind of error.
            if status != code.grpcStatus {
                code = Code(number: -32603, httpStatus: httpStatus, grpcStatus: status, reason: "HTTP_\(httpStatus)")
            }
        } else if let number = error["code"]?.intValue, let known = Code(number: number) {
            code = known
        }
        self.init(fallback: code, message: message, details: error["details"] ?? error["data"])
    }

    /// The kind of an error of which only the status of HTTP is known.
    private static func code(httpStatus: Int) -> Code {
        switch httpStatus {
        case 400: .invalidParams
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 429: .rateLimited
        case 503: .unavailable
        case 500: .internalError
        default:
            Code(
                number: -32603, httpStatus: httpStatus, grpcStatus: GRPCStatus(httpStatus: httpStatus),
                reason: "HTTP_\(httpStatus)")
        }
    }

    private init(fallback: Code, message: String?, details: JSONValue?) {
        var error = A2AError(fallback, message ?? "")
        switch details {
        case .array(let elements): for element in elements.prefix(64) { error.take(element) }
        case .some(let value) where value != .null: error.take(value)
        default: break
        }
        if error.message.isEmpty { error.message = "the server has given no message" }
        self = error
    }

    /// Takes a detail, whatever it is.
    private mutating func take(_ detail: JSONValue) {
        guard let object = detail.objectValue else {
            if let text = detail.stringValue {
                if message.isEmpty { message = text } else if text != message { metadata["data"] = text }
            } else {
                metadata["data"] = Self.text(detail)
            }
            return
        }
        let type = object["@type"]?.stringValue ?? ""
        if type.hasSuffix("google.rpc.ErrorInfo") || (type.isEmpty && object["reason"]?.stringValue != nil) {
            takeInfo(object)
        } else if type.hasSuffix("google.rpc.BadRequest") {
            let list = object["fieldViolations"]?.arrayValue ?? object["field_violations"]?.arrayValue ?? []
            for violation in list.prefix(Self.maximumViolations) {
                violations.append(
                    FieldViolation(
                        field: violation["field"]?.stringValue ?? "",
                        description: violation["description"]?.stringValue ?? ""))
            }
        } else {
            details.append(object)
        }
    }

    private mutating func takeInfo(_ info: JSONObject) {
        if let domain = info["domain"]?.stringValue { self.domain = domain }
        for (name, value) in info["metadata"]?.objectValue ?? [:] {
            metadata[name] = value.stringValue ?? Self.text(value)
        }
        guard let reason = info["reason"]?.stringValue, !reason.isEmpty else { return }
        if domain == Self.protocolDomain, let known = Code(reason: reason) {
            code = known
        } else {
            code.reason = reason
        }
    }

    private static func text(_ value: JSONValue) -> String {
        do throws(A2AError) {
            return String(decoding: try A2AJSON.write(value), as: UTF8.self)
        } catch {
            return ""
        }
    }
}
