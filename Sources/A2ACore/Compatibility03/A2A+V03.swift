// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The forms of version 0.3 of the protocol, in which objects have a member `kind` and enumerations short names.
    ///
    /// Objects are read from and written to trees: those of version 1.0 are the only ones that have types.
    ///
    /// ```swift
    /// let request = try A2A.V03.sendMessageRequest(params)
    /// let result = A2A.V03.object(task)
    /// ```
    public enum V03 {
        /// The name of a method in JSON-RPC. If `nil`, version 0.3 has no such method.
        public static func methodName(_ method: Method) -> String? { names[method] }

        /// The method of a name in JSON-RPC. If `nil`, version 0.3 has no method of that name.
        public static func method(named name: String) -> Method? { names.first { $0.value == name }?.key }

        private static let names: [Method: String] = [
            .sendMessage: "message/send", .sendStreamingMessage: "message/stream", .getTask: "tasks/get",
            .cancelTask: "tasks/cancel", .subscribeToTask: "tasks/resubscribe",
            .createTaskPushNotificationConfig: "tasks/pushNotificationConfig/set",
            .getTaskPushNotificationConfig: "tasks/pushNotificationConfig/get",
            .listTaskPushNotificationConfigs: "tasks/pushNotificationConfig/list",
            .deleteTaskPushNotificationConfig: "tasks/pushNotificationConfig/delete",
            .getExtendedAgentCard: "agent/getAuthenticatedExtendedCard",
        ]

        /// The name of a state.
        public static func stateName(_ state: TaskState) -> String {
            switch state {
            case .unspecified: "unknown"
            case .submitted: "submitted"
            case .working: "working"
            case .completed: "completed"
            case .failed: "failed"
            case .canceled: "canceled"
            case .inputRequired: "input-required"
            case .rejected: "rejected"
            case .authRequired: "auth-required"
            }
        }

        /// The state of a name. If `nil`, there is no such state.
        public static func state(named name: String) -> TaskState? {
            TaskState.allCases.first { stateName($0) == name }
        }

        /// The name of a role.
        public static func roleName(_ role: Role) -> String { role == .agent ? "agent" : "user" }

        /// The role of a name. If `nil`, there is no such role.
        public static func role(named name: String) -> Role? {
            switch name {
            case "user": .user
            case "agent": .agent
            default: nil
            }
        }
    }
}

/// Reads the members of an object, and names the one that is wrong.
struct V03Reader {
    let members: JSONObject
    /// Where the object is in the request. Empty for the request itself.
    let path: String

    init(_ members: JSONObject, path: String = "") {
        self.members = members
        self.path = path
    }

    func fault(_ name: String, _ description: String) -> A2AError {
        let field = path.isEmpty ? name : "\(path).\(name)"
        return A2AError(
            .invalidParams, "\(field): \(description)",
            violations: [A2AError.FieldViolation(field: field, description: description)])
    }

    /// A member that is neither missing nor null.
    private func member<Value>(
        _ name: String, _ expected: String, _ read: (JSONValue) -> Value?
    ) throws(A2AError) -> Value? {
        guard let value = members[name], value != .null else { return nil }
        guard let result = read(value) else { throw fault(name, "\(expected) is expected") }
        return result
    }

    func text(_ name: String) throws(A2AError) -> String? { try member(name, "a string") { $0.stringValue } }
    func requiredText(_ name: String) throws(A2AError) -> String { try text(name) ?? "" }
    func bool(_ name: String) throws(A2AError) -> Bool? { try member(name, "true or false") { $0.boolValue } }
    func integer(_ name: String) throws(A2AError) -> Int? {
        try member(name, "an integer") { $0.intValue.flatMap { Int32(exactly: $0) }.map(Int.init) }
    }
    func object(_ name: String) throws(A2AError) -> JSONObject? { try member(name, "an object") { $0.objectValue } }

    func reader(_ name: String) throws(A2AError) -> V03Reader? {
        try object(name).map { V03Reader($0, path: path.isEmpty ? name : "\(path).\(name)") }
    }

    func texts(_ name: String) throws(A2AError) -> [String] {
        try member(name, "a list of strings") { value in
            value.arrayValue.flatMap { elements in
                let texts = elements.compactMap(\.stringValue)
                return texts.count == elements.count ? texts : nil
            }
        } ?? []
    }

    func readers(_ name: String) throws(A2AError) -> [V03Reader] {
        let elements = try member(name, "a list") { $0.arrayValue } ?? []
        var readers: [V03Reader] = []
        for (index, element) in elements.enumerated() {
            guard let object = element.objectValue else { throw fault("\(name)[\(index)]", "an object is expected") }
            readers.append(V03Reader(object, path: (path.isEmpty ? name : "\(path).\(name)") + "[\(index)]"))
        }
        return readers
    }

    /// The objects in the members of an object, in the order of their names.
    func entries(_ name: String) throws(A2AError) -> [(String, V03Reader)] {
        guard let reader = try reader(name) else { return [] }
        var entries: [(String, V03Reader)] = []
        for key in reader.members.keys.sorted() {
            if let entry = try reader.reader(key) { entries.append((key, entry)) }
        }
        return entries
    }
}

extension JSONObject {
    /// Adds a text, unless there is none.
    mutating func set(_ name: String, _ value: String?) {
        if let value { self[name] = .string(value) }
    }

    /// Adds texts, unless there are none.
    mutating func set(_ name: String, _ values: [String]) {
        if !values.isEmpty { self[name] = .array(values.map { .string($0) }) }
    }

    /// Adds an object, unless there is none.
    mutating func set(_ name: String, _ value: JSONObject?) {
        if let value { self[name] = .object(value) }
    }

    /// Adds a truth value, unless there is none.
    mutating func set(_ name: String, _ value: Bool?) {
        if let value { self[name] = .bool(value) }
    }

    /// Adds a number, unless there is none.
    mutating func set(_ name: String, _ value: Int?) {
        if let value { self[name] = .integer(Int64(value)) }
    }
}
