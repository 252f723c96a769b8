// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// Which artifact a part of a run's output belongs to, as the part's member `a2a.artifact` keeps it.
struct ArtifactMarker: Sendable, Hashable {
    /// The id of the artifact. If `nil`, it follows from the place of the artifact's first part in the output.
    var id: A2A.ArtifactID?
    var name: String?
    var description: String?
    var metadata: JSONObject?
    var extensions: [String] = []
    /// Whether the part is added to the artifact, which has parts already.
    var isAppended = false
    /// Whether it is the artifact's last part.
    var isLastChunk = false
    /// Whether the part's name is the name of a file, and not only that of the artifact.
    var hasFilename = false

    init(id: A2A.ArtifactID?) { self.id = id }

    init(_ object: JSONObject) {
        id = object.text("artifactId").map(A2A.ArtifactID.init(rawValue:))
        name = object.text("name")
        description = object.text("description")
        metadata = object.object(A2AMember.metadata)
        extensions = object.texts(A2AMember.extensions)
        isAppended = object["append"] == true
        isLastChunk = object["lastChunk"] == true
        hasFilename = object["hasFilename"] == true
    }

    var object: JSONObject {
        var object = JSONObject()
        object.set("artifactId", id?.rawValue)
        object.set("name", name)
        object.set("description", description)
        object.set(A2AMember.metadata, metadata)
        object.set(A2AMember.extensions, extensions)
        if isAppended { object["append"] = true }
        if isLastChunk { object["lastChunk"] = true }
        if hasFilename { object["hasFilename"] = true }
        return object
    }
}

extension MessagePart {
    /// The artifact that the part belongs to, if it was sent as part of one.
    var artifactMarker: ArtifactMarker? {
        guard !extra.isEmpty else { return nil }
        return extra.a2a?.object(A2AMember.artifact).map(ArtifactMarker.init)
    }
}
