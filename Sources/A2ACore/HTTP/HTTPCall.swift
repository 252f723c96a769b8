// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// A call of a method over HTTP, as far as the verb and the path tell: what servers read from them, and clients build them of.
    public struct HTTPCall: Sendable, Hashable {
        /// The method.
        public var method: Method
        /// The tenant. If `nil`, the path names none.
        public var tenant: String?
        /// The task. If `nil`, the method is about none.
        public var taskID: TaskID?
        /// The push notification configuration. If `nil`, the method is about none.
        public var pushConfigID: PushConfigID?

        /// Creates a call.
        public init(
            _ method: Method, tenant: String? = nil, taskID: TaskID? = nil, pushConfigID: PushConfigID? = nil
        ) {
            self.method = method
            self.tenant = tenant
            self.taskID = taskID
            self.pushConfigID = pushConfigID
        }

        /// The verb with which clients make the call.
        public var verb: String { method.verbs[0] }

        /// The path behind the URL of the interface, with its variables percent-encoded.
        public var path: String {
            let prefix = tenant.map { "/" + PercentEncoding.encode($0) } ?? ""
            let task = PercentEncoding.encode(taskID?.rawValue ?? "")
            let rest =
                switch method {
                case .sendMessage, .sendStreamingMessage, .listTasks, .getExtendedAgentCard: method.pathTemplate
                case .getTask: "/tasks/\(task)"
                case .cancelTask: "/tasks/\(task):cancel"
                case .subscribeToTask: "/tasks/\(task):subscribe"
                case .createTaskPushNotificationConfig, .listTaskPushNotificationConfigs:
                    "/tasks/\(task)/pushNotificationConfigs"
                case .getTaskPushNotificationConfig, .deleteTaskPushNotificationConfig:
                    "/tasks/\(task)/pushNotificationConfigs/"
                        + PercentEncoding.encode(pushConfigID?.rawValue ?? "")
                }
            return prefix + rest
        }

        /// What a verb and a path lead to.
        public enum Match: Sendable, Hashable {
            /// A call.
            case call(HTTPCall)
            /// There is such a path, for other verbs.
            case wrongVerb(allowed: [String])
            /// There is no such path.
            case none
        }

        /// Finds the call that a verb and a path mean.
        ///
        /// - Parameters:
        ///   - verb: The verb of HTTP, in upper case.
        ///   - path: The path behind the URL of the interface, as it is in the request: percent-encoded, without the query.
        public static func match(verb: String, path: some StringProtocol) -> Match {
            var segments = String(path).split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
            if segments.first == "" { segments.removeFirst() }
            if segments.last == "" { segments.removeLast() }
            guard let first = segments.first, !segments.contains("") else { return .none }
            var candidates = candidates(segments, tenant: nil)
            // What is under /tasks is no path of a tenant of that name.
            if candidates.isEmpty, first != "tasks", let tenant = PercentEncoding.decode(first) {
                candidates = Self.candidates(Array(segments.dropFirst()), tenant: tenant)
            }
            if let call = candidates.first(where: { $0.method.verbs.contains(verb) }) { return .call(call) }
            return candidates.isEmpty ? .none : .wrongVerb(allowed: candidates.flatMap(\.method.verbs))
        }

        /// The calls that a path may mean, whatever the verb is.
        private static func candidates(_ segments: [String], tenant: String?) -> [HTTPCall] {
            func call(_ method: Method, _ task: String? = nil, _ config: String? = nil) -> HTTPCall? {
                // A variable that cannot be decoded is none.
                let taskID = task.map { PercentEncoding.decode($0).map(TaskID.init(rawValue:)) }
                let pushConfigID = config.map { PercentEncoding.decode($0).map(PushConfigID.init(rawValue:)) }
                if case .some(.none) = taskID { return nil }
                if case .some(.none) = pushConfigID { return nil }
                return HTTPCall(method, tenant: tenant, taskID: taskID ?? nil, pushConfigID: pushConfigID ?? nil)
            }
            let calls: [HTTPCall?]
            switch segments.count {
            case 1:
                switch PercentEncoding.decode(segments[0]) {
                case "message:send": calls = [call(.sendMessage)]
                case "message:stream": calls = [call(.sendStreamingMessage)]
                case "tasks": calls = [call(.listTasks)]
                case "extendedAgentCard": calls = [call(.getExtendedAgentCard)]
                default: calls = []
                }
            case 2 where segments[0] == "tasks":
                calls = [operation(on: segments[1], call) ?? call(.getTask, segments[1])]
            case 3 where segments[0] == "tasks" && segments[2] == "pushNotificationConfigs":
                calls = [
                    call(.createTaskPushNotificationConfig, segments[1]),
                    call(.listTaskPushNotificationConfigs, segments[1]),
                ]
            case 4 where segments[0] == "tasks" && segments[2] == "pushNotificationConfigs":
                calls = [
                    call(.getTaskPushNotificationConfig, segments[1], segments[3]),
                    call(.deleteTaskPushNotificationConfig, segments[1], segments[3]),
                ]
            default: calls = []
            }
            return calls.compactMap { $0 }
        }

        /// A task and an operation in one segment, divided by the last colon.
        private static func operation(
            on segment: String, _ call: (Method, String?, String?) -> HTTPCall?
        ) -> HTTPCall? {
            guard let colon = segment.lastIndex(of: ":"), colon != segment.startIndex else { return nil }
            let task = String(segment[..<colon])
            return switch segment[segment.index(after: colon)...] {
            case "cancel": call(.cancelTask, task, nil)
            case "subscribe": call(.subscribeToTask, task, nil)
            default: nil
            }
        }
    }
}
