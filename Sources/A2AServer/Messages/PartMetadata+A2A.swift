// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

// A citation, or a step of the agent's work, is part of the metadata of an A2A part, under the URI of an extension.

extension PartMetadata {
    /// The URI under which the metadata of an A2A part has a citation: `startIndex`, `endIndex`, `url`, `title` and
    /// `description`.
    static let citationURI = "urn:simpleacp:a2a:citation:v1"
    /// The URI under which the metadata of an A2A part has a step of the agent's work: `message`, `toolName`,
    /// `toolInput` and `toolOutput`.
    static let trajectoryURI = "urn:simpleacp:a2a:trajectory:v1"

    /// The metadata of an A2A part.
    var a2a: JSONObject {
        switch self {
        case .citation(let citation): [Self.citationURI: .object(citation.a2a)]
        case .trajectory(let trajectory): [Self.trajectoryURI: .object(trajectory.a2a)]
        case .other(let members): members
        }
    }

    /// Creates what the metadata of an A2A part contains of a citation or of a step, and removes that from them.
    ///
    /// Returns `nil` if they contain neither, or one in a form that would not be returned as it was.
    init?(takenFrom metadata: inout JSONObject) {
        if let members = metadata.object(Self.citationURI) {
            let citation = CitationMetadata(a2a: members)
            guard citation.a2a == members else { return nil }
            self = .citation(citation)
            metadata[Self.citationURI] = nil
        } else if let members = metadata.object(Self.trajectoryURI) {
            let trajectory = TrajectoryMetadata(a2a: members)
            guard trajectory.a2a == members else { return nil }
            self = .trajectory(trajectory)
            metadata[Self.trajectoryURI] = nil
        } else {
            return nil
        }
    }
}

extension CitationMetadata {
    fileprivate var a2a: JSONObject {
        var members = JSONObject()
        members["startIndex"] = startIndex.map { .integer(Int64($0)) }
        members["endIndex"] = endIndex.map { .integer(Int64($0)) }
        members.set("url", url)
        members.set("title", title)
        members.set("description", description)
        return members
    }

    fileprivate init(a2a members: JSONObject) {
        self.init(
            url: members.text("url"), title: members.text("title"), description: members.text("description"),
            startIndex: members["startIndex"]?.intValue, endIndex: members["endIndex"]?.intValue)
    }
}

extension TrajectoryMetadata {
    fileprivate var a2a: JSONObject {
        var members = JSONObject()
        members.set("message", message)
        members.set("toolName", toolName)
        members.set("toolInput", toolInput)
        members.set("toolOutput", toolOutput)
        return members
    }

    fileprivate init(a2a members: JSONObject) {
        self.init(
            message: members.text("message"), toolName: members.text("toolName"),
            toolInput: members.object("toolInput"), toolOutput: members.object("toolOutput"))
    }
}
