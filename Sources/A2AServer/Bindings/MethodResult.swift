// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// The result of a method.
enum MethodResult: Sendable {
    case response(A2A.SendMessageResponse)
    case task(A2A.Task)
    case tasks(A2A.ListTasksResponse)
    case pushConfig(A2A.TaskPushNotificationConfig)
    case pushConfigs(A2A.ListTaskPushNotificationConfigsResponse)
    case card(A2A.AgentCard)
    case nothing
}

/// Encodes the result of a method, in the form of a binding.
protocol ResultEncoder {
    func encode(_ value: some JSONWritable) throws(A2AError) -> [UInt8]
    /// The form of a method that returns nothing.
    var nothing: [UInt8] { get }
}

extension MethodResult {
    /// Returns the result as JSON.
    ///
    /// - Throws: ``A2AError`` if it cannot be written as JSON.
    func encoded(_ encoder: some ResultEncoder) throws(A2AError) -> [UInt8] {
        switch self {
        case .response(let response): try encoder.encode(response)
        case .task(let task): try encoder.encode(task)
        case .tasks(let tasks): try encoder.encode(tasks)
        case .pushConfig(let config): try encoder.encode(config)
        case .pushConfigs(let configs): try encoder.encode(configs)
        case .card(let card): try encoder.encode(card)
        case .nothing: encoder.nothing
        }
    }
}

/// Encodes results as they are in the body of HTTP.
struct PlainEncoder: ResultEncoder {
    func encode(_ value: some JSONWritable) throws(A2AError) -> [UInt8] { try A2AJSON.write(value) }
    var nothing: [UInt8] { Array("{}".utf8) }
}

extension A2A.JSONRPC.ResponseEnvelope: ResultEncoder {
    func encode(_ value: some JSONWritable) throws(A2AError) -> [UInt8] { try response(value) }
    var nothing: [UInt8] { wrap("null".utf8) }
}
