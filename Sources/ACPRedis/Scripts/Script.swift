// SPDX-License-Identifier: Apache-2.0

import Redis

/// The names of a script's keys or arguments, in the order in which the script takes them.
///
/// The Lua side and the Swift side are both made from the cases: ``Script`` begins with a local variable for each, and a request
/// fills each by its name (``ScriptValues``). The variable of an argument is called as its case; that of a key has `Key` behind it.
protocol ScriptName: CaseIterable, RawRepresentable<String>, Equatable, Sendable where AllCases == [Self] {
    /// How Lua reads an argument. Defaults to `.text`.
    var form: ScriptForm { get }
}

/// How Lua reads an argument.
enum ScriptForm: Sendable {
    case text
    /// As a number, or as nil if it is no number.
    case number
    /// As a Boolean: ``Redis/RedisArgument/flag(_:)``.
    case flag

    /// Lua that turns the text of a variable into what it means.
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

    /// The variables of arguments, to be handed to a Lua function and as its parameters. A function that gets them so is cheaper than
    /// one that refers to them: Lua allocates an upvalue for each variable that a function refers to, whenever the script runs.
    static var argumentVariables: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The variables of keys, likewise.
    static var keyVariables: String { allCases.map { $0.rawValue + "Key" }.joined(separator: ", ") }

    /// Lua that declares a variable for each argument of a group that begins at the position `start`, any Lua expression.
    static func argumentGroup(at start: String) -> String {
        guard count > 0 else { return "" }
        return "local \(argumentVariables) = unpack(ARGV, \(start), \(start) + \(count - 1))\n"
            + allCases.map { $0.form.conversion(of: $0.rawValue) }.joined()
    }

    /// Lua that declares a variable for each key of a group that begins at the position `start`, any Lua expression.
    static func keyGroup(at start: String) -> String {
        guard count > 0 else { return "" }
        return "local \(keyVariables) = unpack(KEYS, \(start), \(start) + \(count - 1))\n"
    }
}

/// The names of a script that takes none.
enum NoNames: ScriptName {
    static let allCases: [NoNames] = []
    init?(rawValue: String) { nil }
    var rawValue: String { switch self {} }
}

/// A value for each name: a dictionary literal that has all of them in order.
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
/// The text is: the variables that the names describe, the libraries, and the body. Keys and arguments of which the number differs
/// from call to call follow the named ones, from `moreKeys` and `moreArguments` onward.
struct Script<Key: ScriptName, Argument: ScriptName, Group: ScriptName>: Sendable {
    /// The script as Redis gets it. Made once: keep scripts in static properties.
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

    /// Lua that declares the command as `publishCommand`.
    fileprivate var lua: String { "local publishCommand = '\(rawValue)'\n" }
}

/// A script that publishes: in one form for each command, since a constant need not be sent with each call.
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
    /// A script with its keys and arguments.
    ///
    /// - Parameters:
    ///   - moreKeys: Keys behind the named ones.
    ///   - group: The second group of arguments.
    ///   - capacity: How many arguments will be appended by ``append(_:)``.
    static func script<Key, Argument, Group>(
        _ script: Script<Key, Argument, Group>, keys: ScriptValues<Key, String>, moreKeys: [String] = [],
        _ arguments: ScriptValues<Argument, RedisArgument>, _ group: ScriptValues<Group, RedisArgument>,
        capacity: Int = 0, isIdempotent: Bool
    ) -> RedisRequest {
        let keyCount = keys.elements.count + moreKeys.count
        var words: [RedisArgument] = []
        words.reserveCapacity(2 + keyCount + arguments.elements.count + group.elements.count + capacity)
        words.append(.text(script.script.sha1))
        words.append(.number(keyCount))
        for key in keys.elements { words.append(.text(key.value)) }
        for key in moreKeys { words.append(.text(key)) }
        for argument in arguments.elements { words.append(argument.value) }
        for argument in group.elements { words.append(argument.value) }
        return RedisRequest("EVALSHA", words, script: script.script, isIdempotent: isIdempotent)
    }

    /// A script with its keys and its only group of arguments.
    static func script<Key, Argument>(
        _ script: Script<Key, Argument, NoNames>, keys: ScriptValues<Key, String>, moreKeys: [String] = [],
        _ arguments: ScriptValues<Argument, RedisArgument>, capacity: Int = 0, isIdempotent: Bool
    ) -> RedisRequest {
        .script(script, keys: keys, moreKeys: moreKeys, arguments, [:], capacity: capacity, isIdempotent: isIdempotent)
    }

    /// Appends an argument behind those that have names.
    mutating func append(_ argument: RedisArgument) { command.arguments.append(argument) }

    /// Appends arguments behind those that have names.
    mutating func append(_ arguments: [RedisArgument]) { command.arguments += arguments }
}
