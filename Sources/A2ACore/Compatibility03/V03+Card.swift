// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Agent cards of version 0.3.

extension A2A.V03 {
    /// Whether an object is a card of version 0.3: it has a URL of its own, and no list of interfaces.
    public static func isAgentCard(_ object: JSONObject) -> Bool {
        object["url"] != nil && object["supportedInterfaces"] == nil
    }

    /// Returns a card. If `nil`, it has no interface of version 0.3.
    ///
    /// Signatures are left out: they are those of another form.
    public static func object(_ card: A2A.AgentCard) -> JSONObject? {
        let interfaces = card.supportedInterfaces.filter { interface in
            A2A.Version(interface.protocolVersion).map { $0.major == 0 } ?? interface.protocolVersion.isEmpty
        }
        guard let first = interfaces.first else { return nil }
        var object: JSONObject = [
            "name": .string(card.name), "description": .string(card.description), "version": .string(card.version),
            "url": .string(first.url), "preferredTransport": .string(first.binding.rawValue),
            "protocolVersion": .string(first.protocolVersion.isEmpty ? "0.3.0" : first.protocolVersion),
            "defaultInputModes": .array(card.defaultInputModes.map { .string($0) }),
            "defaultOutputModes": .array(card.defaultOutputModes.map { .string($0) }),
            "capabilities": .object(capabilities(card.capabilities)),
            "skills": .array(card.skills.map { .object(skill($0)) }),
        ]
        if interfaces.count > 1 {
            object["additionalInterfaces"] = .array(
                interfaces.dropFirst().map { ["url": .string($0.url), "transport": .string($0.binding.rawValue)] })
        }
        if let provider = card.provider {
            object["provider"] = ["url": .string(provider.url), "organization": .string(provider.organization)]
        }
        object.set("documentationUrl", card.documentationURL)
        object.set("iconUrl", card.iconURL)
        object.set("supportsAuthenticatedExtendedCard", card.capabilities.extendedAgentCard)
        if !card.securitySchemes.isEmpty {
            object["securitySchemes"] = .object(JSONObject(card.securitySchemes.mapValues { .object(scheme($0)) }))
        }
        if !card.securityRequirements.isEmpty { object["security"] = security(card.securityRequirements) }
        return object
    }

    /// Reads a card. Members of version 0.3 that version 1.0 does not have are ignored.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func agentCard(_ object: JSONObject) throws(A2AError) -> A2A.AgentCard {
        let reader = V03Reader(object)
        let version = try reader.text("protocolVersion")?.ifNotEmpty ?? "0.3.0"
        var interfaces = [
            A2A.AgentInterface(
                url: try reader.requiredText("url"),
                binding: try reader.text("preferredTransport").map(A2A.ProtocolBinding.init(rawValue:)) ?? .jsonRPC,
                protocolVersion: version)
        ]
        for interface in try reader.readers("additionalInterfaces") {
            let url = try interface.requiredText("url")
            let binding = A2A.ProtocolBinding(rawValue: try interface.requiredText("transport"))
            guard !interfaces.contains(where: { $0.url == url && $0.binding == binding }) else { continue }
            interfaces.append(A2A.AgentInterface(url: url, binding: binding, protocolVersion: version))
        }
        var capabilities = A2A.AgentCapabilities(
            extendedAgentCard: try reader.bool("supportsAuthenticatedExtendedCard"))
        if let members = try reader.reader("capabilities") {
            capabilities.streaming = try members.bool("streaming")
            capabilities.pushNotifications = try members.bool("pushNotifications")
            for member in try members.readers("extensions") {
                capabilities.extensions.append(
                    A2A.AgentExtension(
                        uri: try member.text("uri"), description: try member.text("description"),
                        isRequired: try member.bool("required") ?? false, params: try member.object("params")))
            }
        }
        var card = A2A.AgentCard(
            name: try reader.requiredText("name"), description: try reader.requiredText("description"),
            supportedInterfaces: interfaces, version: try reader.requiredText("version"),
            documentationURL: try reader.text("documentationUrl"), capabilities: capabilities,
            securityRequirements: try requirements(reader),
            defaultInputModes: try reader.texts("defaultInputModes"),
            defaultOutputModes: try reader.texts("defaultOutputModes"), skills: [], iconURL: try reader.text("iconUrl"))
        if let provider = try reader.reader("provider") {
            card.provider = A2A.AgentProvider(
                url: try provider.requiredText("url"), organization: try provider.requiredText("organization"))
        }
        for (name, scheme) in try reader.entries("securitySchemes") {
            card.securitySchemes[name] = try Self.scheme(scheme)
        }
        for skill in try reader.readers("skills") {
            card.skills.append(
                A2A.AgentSkill(
                    id: try skill.requiredText("id"), name: try skill.requiredText("name"),
                    description: try skill.requiredText("description"), tags: try skill.texts("tags"),
                    examples: try skill.texts("examples"), inputModes: try skill.texts("inputModes"),
                    outputModes: try skill.texts("outputModes"), securityRequirements: try requirements(skill)))
        }
        return card
    }

    private static func capabilities(_ capabilities: A2A.AgentCapabilities) -> JSONObject {
        var object = JSONObject()
        object.set("streaming", capabilities.streaming)
        object.set("pushNotifications", capabilities.pushNotifications)
        if !capabilities.extensions.isEmpty {
            object["extensions"] = .array(
                capabilities.extensions.map { value in
                    var members: JSONObject = ["uri": .string(value.uri ?? "")]
                    members.set("description", value.description)
                    members.set("required", value.isRequired ? true : nil)
                    members.set("params", value.params)
                    return .object(members)
                })
        }
        return object
    }

    private static func skill(_ skill: A2A.AgentSkill) -> JSONObject {
        var object: JSONObject = [
            "id": .string(skill.id), "name": .string(skill.name), "description": .string(skill.description),
            "tags": .array(skill.tags.map { .string($0) }),
        ]
        object.set("examples", skill.examples)
        object.set("inputModes", skill.inputModes)
        object.set("outputModes", skill.outputModes)
        if !skill.securityRequirements.isEmpty { object["security"] = security(skill.securityRequirements) }
        return object
    }

    private static func security(_ requirements: [A2A.SecurityRequirement]) -> JSONValue {
        .array(
            requirements.map { requirement in
                .object(JSONObject(requirement.schemes.mapValues { .array($0.map { .string($0) }) }))
            })
    }

    private static func requirements(_ reader: V03Reader) throws(A2AError) -> [A2A.SecurityRequirement] {
        var requirements: [A2A.SecurityRequirement] = []
        for element in try reader.readers("security") {
            var schemes: [String: [String]] = [:]
            for name in element.members.keys { schemes[name] = try element.texts(name) }
            requirements.append(A2A.SecurityRequirement(schemes))
        }
        return requirements
    }
}
