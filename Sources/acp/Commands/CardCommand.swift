// SPDX-License-Identifier: Apache-2.0

import A2AClient
import ACPCore
import ArgumentParser
import Foundation

struct CardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card",
        abstract: "Shows the card of an A2A agent.",
        discussion: """
            Examples:
              acp card https://agents.example/weather
              acp card https://agents.example/weather --json | jq .skills
              acp card https://agents.example/weather --key keys.json

            The card is fetched from /.well-known/agent-card.json below the URL, or from the URL itself. With --key, the \
            command exits with code 1 if no signature of the card is valid.
            """
    )

    @OptionGroup var options: A2AOptions

    @Option(
        name: .customLong("key"),
        help: ArgumentHelp(
            """
            A file with public keys that may have signed the card: a JSON Web Key, or a set of them. The option can be \
            repeated.
            """, valueName: "file"))
    var keyFiles: [String] = []

    @Flag(help: "Show the extended card, which the agent shows to authenticated callers.")
    var extended = false

    @Argument(help: "The URL of the agent or of its card.")
    var agent: String

    func run() async throws {
        let keys = try keyFiles.flatMap(CardKeys.read)
        try await callAgent(
            agent, token: try options.bearerToken(), tls: try options.tls.settings(), timeout: options.timeout
        ) { client in
            let card = extended ? try await client.extendedCard() : try await client.card()
            var verification = Verification.notChecked
            if !keyFiles.isEmpty {
                let verifier = A2A.AgentCardVerifier(
                    keys: CardKeys.byID(keys, for: card), forms: A2A.AgentCard.CanonicalForm.allCases)
                do {
                    try await client.verifyCard(with: verifier)
                    verification = .valid
                } catch let error as A2A.SignatureError {
                    verification = .invalid("\(error)")
                }
            }
            if options.json {
                let json = try A2AJSON.encode(card).indentedJSON
                try Console.print(String(decoding: json, as: UTF8.self))
            } else {
                let interface = try? await client.interface()
                try Console.print(CardDescription(card: card, interface: interface, verification: verification).text)
            }
            guard case .invalid(let reason) = verification else { return }
            Console.error(reason.printable)
            throw ExitStatus.unsuccessful.code
        }
    }
}

/// Whether the signatures of a card were verified.
enum Verification {
    case notChecked
    case valid
    case invalid(String)
}

/// The public keys in files.
enum CardKeys {
    /// A key, with its id if it has one.
    typealias Key = (id: String?, key: A2A.VerificationKey)

    /// Reads a JSON Web Key or a set of them.
    static func read(_ path: String) throws -> [Key] {
        guard let data = contents(ofFile: path) else {
            throw ValidationError("--key \(path): the file does not exist, or cannot be read.")
        }
        let object: JSONObject
        do {
            object = try ACPJSON.decode(JSONObject.self, from: data)
        } catch {
            throw ValidationError("--key \(path): the file is not a JSON Web Key: \(error.message)")
        }
        let objects = object["keys"]?.arrayValue?.compactMap(\.objectValue) ?? [object]
        let keys = objects.compactMap { object -> Key? in
            A2A.VerificationKey(jwk: object).map { (object["kid"]?.stringValue, $0) }
        }
        guard !keys.isEmpty else {
            throw ValidationError("--key \(path): the file has no key for ES256 or Ed25519.")
        }
        return keys
    }

    /// Returns the keys by their ids. A key without an id may have made any signature of the card.
    static func byID(_ keys: [Key], for card: A2A.AgentCard) -> [String: A2A.VerificationKey] {
        var byID: [String: A2A.VerificationKey] = [:]
        for (id, key) in keys {
            for id in id.map({ [$0] }) ?? card.signatures.compactMap(\.keyID) { byID[id] = key }
        }
        return byID
    }
}

extension A2A.AgentCardSignature {
    /// The protected header.
    private var protectedHeader: JSONObject? {
        Base64.bytes(protected).flatMap { try? ACPJSON.decode(JSONObject.self, from: $0) }
    }

    /// The id of the key that has made the signature, as the signature names it.
    var keyID: String? { protectedHeader?["kid"]?.stringValue }

    /// The algorithm that the signature names.
    var algorithm: String? { protectedHeader?["alg"]?.stringValue }
}

/// The description of a card for users.
struct CardDescription {
    let card: A2A.AgentCard
    /// The interface that this tool calls.
    let interface: A2A.AgentInterface?
    let verification: Verification

    var text: String {
        var lines = [Style.bold(card.name.printable) + (card.version.isEmpty ? "" : " \(card.version.printable)")]
        if !card.description.isEmpty { lines.append(card.description.printable) }
        func add(_ label: String, _ value: String?) {
            if let value, !value.isEmpty { lines.append(label.padded(to: 11) + value.printable) }
        }
        add("provider", card.provider.map { "\($0.organization) (\($0.url))" })
        add("docs", card.documentationURL)
        for offered in card.supportedInterfaces {
            let tenant = offered.tenant.map { ", tenant \($0)" } ?? ""
            let mark = offered == interface ? " (used)" : ""
            add("interface", "\(offered.binding) \(offered.protocolVersion) at \(offered.url)\(tenant)\(mark)")
        }
        if interface == nil { add("interface", "none that this tool can call") }
        add("takes", card.defaultInputModes.joined(separator: ", "))
        add("produces", card.defaultOutputModes.joined(separator: ", "))
        let capabilities = card.capabilities
        let supported = [
            ("streaming", capabilities.streaming), ("push notifications", capabilities.pushNotifications),
            ("extended card", capabilities.extendedAgentCard),
        ]
        add("supports", supported.filter { $0.1 == true }.map(\.0).joined(separator: ", "))
        for declared in capabilities.extensions {
            add("extension", (declared.uri ?? "") + (declared.isRequired ? " (required)" : ""))
        }
        for requirement in card.securityRequirements {
            add("requires", requirement.schemes.keys.sorted().joined(separator: " and "))
        }
        for skill in card.skills {
            let tags = skill.tags.isEmpty ? "" : " [\(skill.tags.joined(separator: ", "))]"
            add("skill", "\(skill.id): \(skill.name). \(skill.description)\(tags)")
        }
        for signature in card.signatures {
            add("signature", "key \(signature.keyID ?? "unknown"), \(signature.algorithm ?? "unknown algorithm")")
        }
        switch verification {
        case .notChecked: if !card.signatures.isEmpty { add("verified", "not checked: use --key FILE") }
        case .valid: lines.append("verified".padded(to: 11) + Style.green("a signature is valid"))
        case .invalid: lines.append("verified".padded(to: 11) + Style.red("no signature is valid"))
        }
        return lines.joined(separator: "\n")
    }
}
