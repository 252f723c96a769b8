// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The query parameters of a request over HTTP.
    ///
    /// Their names are those of the fields of the request, in camel case or in snake case. Of parameters with the same name the
    /// last counts; those that are not known are ignored.
    public struct QueryParameters: Sendable, Hashable {
        /// The values, by names in camel case.
        private var values: [String: String] = [:]
        /// Whether each of them could be decoded.
        private var isValid = true

        /// Reads the query of a URL.
        ///
        /// - Parameter query: What is behind the question mark, percent-encoded. If `nil`, there are no parameters.
        public init(_ query: (some StringProtocol)?) {
            for pair in query?.split(separator: "&") ?? [] {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = PercentEncoding.decode(parts[0], decodesPlus: true),
                    let value = PercentEncoding.decode(parts.count > 1 ? parts[1] : "", decodesPlus: true)
                else {
                    isValid = false
                    continue
                }
                self[name] = value
            }
        }

        /// The value of a name. If `nil`, there is none.
        public subscript(name: String) -> String? {
            get { values[Self.camelCase(name)] }
            set { values[Self.camelCase(name)] = newValue }
        }

        private static func camelCase(_ name: String) -> String {
            let words = name.split(separator: "_", omittingEmptySubsequences: false)
            guard words.count > 1, !name.utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5a }) else { return name }
            return words.dropFirst().reduce(String(words[0])) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
        }

        /// Returns the request for a task.
        ///
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the parameters that are wrong.
        public func getTaskRequest(id: TaskID, tenant: String? = nil) throws(A2AError) -> GetTaskRequest {
            var reader = Reader(self)
            let request = GetTaskRequest(
                tenant: tenant ?? reader.text("tenant"), id: id, historyLength: reader.integer("historyLength"))
            return try reader.checked(request)
        }

        /// Returns the request for a page of tasks.
        ///
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the parameters that are wrong.
        public func listTasksRequest(tenant: String? = nil) throws(A2AError) -> ListTasksRequest {
            var reader = Reader(self)
            let request = ListTasksRequest(
                tenant: tenant ?? reader.text("tenant"),
                contextID: reader.text("contextId").map(ContextID.init(rawValue:)),
                status: reader.state("status"),
                pageSize: reader.integer("pageSize"),
                pageToken: reader.text("pageToken"),
                historyLength: reader.integer("historyLength"),
                statusTimestampAfter: reader.timestamp("statusTimestampAfter"),
                includesArtifacts: reader.bool("includeArtifacts"))
            return try reader.checked(request)
        }

        /// Returns the request for the push notification configurations of a task.
        ///
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the parameters that are wrong.
        public func listTaskPushNotificationConfigsRequest(
            taskID: TaskID, tenant: String? = nil
        ) throws(A2AError) -> ListTaskPushNotificationConfigsRequest {
            var reader = Reader(self)
            let request = ListTaskPushNotificationConfigsRequest(
                tenant: tenant ?? reader.text("tenant"), taskID: taskID, pageSize: reader.integer("pageSize"),
                pageToken: reader.text("pageToken"))
            return try reader.checked(request)
        }

        /// Reads values, and collects those that are wrong.
        private struct Reader {
            let parameters: QueryParameters
            var violations: [A2AError.FieldViolation] = []

            init(_ parameters: QueryParameters) {
                self.parameters = parameters
                if !parameters.isValid { report("", "the query is not percent-encoded UTF-8") }
            }

            mutating func report(_ name: String, _ description: String) {
                violations.append(A2AError.FieldViolation(field: name, description: description))
            }

            mutating func text(_ name: String) -> String? { parameters[name]?.ifNotEmpty }

            mutating func value<Value>(_ name: String, _ expected: String, _ read: (String) -> Value?) -> Value? {
                guard let text = text(name) else { return nil }
                if let value = read(text) { return value }
                report(name, "\(expected) is expected")
                return nil
            }

            mutating func integer(_ name: String) -> Int? {
                value(name, "an integer") { ProtoInt32.value(of: $0).map(Int.init) }
            }

            mutating func bool(_ name: String) -> Bool? { value(name, "true or false") { Bool($0) } }

            mutating func timestamp(_ name: String) -> Timestamp? {
                value(name, "a time such as 2026-01-02T03:04:05Z") { Timestamp($0) }
            }

            mutating func state(_ name: String) -> TaskState? {
                value(name, "the name of a state of a task, such as TASK_STATE_WORKING") { text in
                    TaskState(rawValue: text) ?? Int(text).flatMap(TaskState.init(number:))
                }
            }

            mutating func checked<Request: A2AObject>(_ request: Request) throws(A2AError) -> Request {
                violations += request.violations
                guard let first = violations.first else { return request }
                throw A2AError(
                    .invalidParams, first.field.isEmpty ? first.description : "\(first.field): \(first.description)",
                    violations: Array(violations.prefix(A2AError.maximumViolations)))
            }
        }
    }
}
