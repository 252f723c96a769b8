// SPDX-License-Identifier: Apache-2.0

import Redis

/// The names of a script's keys or arguments, in the order in which the script expects them.
///
/// The Lua side and the Swift side are both generated from the cases: ``Script`` begins with a local variable for each,
/// and a request sets each by its name (``ScriptValues``). The variable of an argument has the name of its case; that
/// of a key has `Key` appended.
protocol ScriptName: CaseIterable, RawRepresentable<String>, Equatable, Sendable where AllCases == [Self] {
    /// How Lua reads an argument. Defaults to `.text`.
    var form: ScriptForm { get }
}

/// How Lua reads an argument.
enum ScriptForm: Sendable {
    case text
    /// As a number, or as nil if the text is not a number.
    case number
    /// As a Boolean: ``Redis/RedisArgument/flag(_:)``.
    case flag

    /// Lua code that converts the text of a variable into its value.
    fileprivate func conversion(of variable: String) -> String {
        switch self {
        case .text: ""
        case .number: "\(variable) = tonumber(\(variable))\n"
        case .flag: "\(variable) = \(variable) == '1'\n"
        }
    }
}

extension ScriptName {
    var form: ScriptForm { .text }

    static var count: Int { allCases.count }

    /// The variables of arguments, as arguments and parameters of a Lua function. Passing them is cheaper than
    /// referring to them: Lua allocates an upvalue for each variable that a function refers to, whenever the script
    /// runs.
    static var argumentVariables: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The variables of keys, likewise.
    static var keyVariables: String { allCases.map { $0.rawValue + "Key" }.joined(separator: ", ") }

    /// Returns Lua code that declares a variable for each argument of a group that begins at the position `start`, any
    /// Lua expression.
    static func argumentGroup(at start: String) -> String {
        guard count > 0 else { return "" }
        return "local \(argumentVariables) = unpack(ARGV, \(start), \(start) + \(count - 1))\n"
            + allCases.map { $0.form.conversion(of: $0.rawValue) }.joined()
    }

    /// Returns Lua code that declares a variable for each key of a group that begins at the position `start`, any Lua
    /// expression.
    static func keyGroup(at start: String) -> String {
        guard count > 0 else { return "" }
        return "local \(keyVariables) = unpack(KEYS, \(start), \(start) + \(count - 1))\n"
    }
}

/// The names of a script without keys or arguments.
enum NoNames: ScriptName {
    static let allCases: [NoNames] = []
    init?(rawValue: String) { nil }
    var rawValue: String { switch self {} }
}

/// A value for each name: a dictionary literal that contains all names in order.
struct ScriptValues<Name: ScriptName, Value: Sendable>: ExpressibleByDictionaryLiteral, Sendable {
    let elements: [(name: Name, value: Value)]

    init(dictionaryLiteral elements: (Name, Value)...) {
        assert(
            elements.lazy.map(\.0).elementsEqual(Name.allCases),
            "\(Name.self) are \(Name.allCases), not \(elements.map(\.0))")
        self.elements = elements
    }

    /// The values in order.
    var values: [Value] { elements.map(\.value) }
}

/// A Lua script with names for its keys and arguments.
///
/// The text consists of the variables that the names describe, the libraries, and the body. Keys and arguments whose
/// number differs from call to call follow the named ones, from `moreKeys` and `moreArguments` onward.
struct Script<Key: ScriptName, Argument: ScriptName, Group: ScriptName>: Sendable {
    /// The script as it is sent to Redis. Computed once: keep scripts in static properties.
    let script: RedisScript

    /// - Parameters:
    ///   - libraries: Lua functions that the body uses, each before those that use it.
    ///   - body: Lua that reads keys and arguments by their names.
    init(_ libraries: [String], _ body: String) {
        let keys = Key.keyGroup(at: "1") + "local firstKey, moreKeys = KEYS[1], \(Key.count + 1)\n"
        let arguments = Argument.argumentGroup(at: "1") + Group.argumentGroup(at: "\(Argument.count + 1)")
        let more = "local moreArguments = \(Argument.count + Group.count + 1)\n"
        script = RedisScript(keys + arguments + more + libraries.joined() + body)
    }
}

/// The command by which scripts publish.
enum PublishCommand: String, Sendable {
    /// To all servers.
    case publish = "PUBLISH"
    /// To the shard of the channel, on a cluster.
    case shardPublish = "SPUBLISH"

    /// Lua code that declares the command as `publishCommand`.
    fileprivate var lua: String { "local publishCommand = '\(rawValue)'\n" }
}

/// A script that publishes, in one version for each command, since a constant need not be sent with each call.
struct PublishingScript<Key: ScriptName, Argument: ScriptName, Group: ScriptName>: Sendable {
    private let ordinary: Script<Key, Argument, Group>
    private let sharded: Script<Key, Argument, Group>

    /// - Parameters:
    ///   - libraries: Lua functions that the body uses. Those that publish read `publishCommand`.
    ///   - body: Lua that reads keys and arguments by their names, and publishes by `publishCommand`.
    init(_ libraries: [String], _ body: String) {
        ordinary = Script([PublishCommand.publish.lua] + libraries, body)
        sharded = Script([PublishCommand.shardPublish.lua] + libraries, body)
    }

    func publishing(by command: PublishCommand) -> Script<Key, Argument, Group> {
        switch command {
        case .publish: ordinary
        case .shardPublish: sharded
        }
    }
}

extension RedisRequest {
    /// Returns a request for a script with its keys and arguments.
    ///
    /// - Parameters:
    ///   - moreKeys: Keys after the named ones.
    ///   - group: The second group of arguments.
    ///   - capacity: The number of arguments that will be appended by ``append(_:)``.
    static func script<Key, Argument, Group>(
        _ script: Script<Key, Argument, Group>, keys: ScriptValues<Key, String>, moreKeys: [String] = [],
        _ arguments: ScriptValues<Argument, RedisArgument>, _ group: ScriptValues<Group, RedisArgument>,
        capacity: Int = 0, isIdempotent: Bool
    ) -> RedisRequest {
        let keyCount = keys.elements.count + moreKeys.count
        var parts: [RedisArgument] = []
        parts.reserveCapacity(2 + keyCount + arguments.elements.count + group.elements.count + capacity)
        parts.append(.text(script.script.sha1))
        parts.append(.number(keyCount))
        for key in keys.elements { parts.append(.text(key.value)) }
        for key in moreKeys { parts.append(.text(key)) }
        for argument in arguments.elements { parts.append(argument.value) }
        for argument in group.elements { parts.append(argument.value) }
        return RedisRequest("EVALSHA", parts, script: script.script, isIdempotent: isIdempotent)
    }

    /// Returns a request for a script with its keys and its only group of arguments.
    static func script<Key, Argument>(
        _ script: Script<Key, Argument, NoNames>, keys: ScriptValues<Key, String>, moreKeys: [String] = [],
        _ arguments: ScriptValues<Argument, RedisArgument>, capacity: Int = 0, isIdempotent: Bool
    ) -> RedisRequest {
        .script(script, keys: keys, moreKeys: moreKeys, arguments, [:], capacity: capacity, isIdempotent: isIdempotent)
    }

    /// Appends an argument after the named ones.
    mutating func append(_ argument: RedisArgument) { command.arguments.append(argument) }

    /// Appends arguments after the named ones.
    mutating func append(_ arguments: [RedisArgument]) { command.arguments += arguments }
}
